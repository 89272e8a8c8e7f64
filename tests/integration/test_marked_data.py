"""Marked names and addresses landed in every form: in no table, file or log of anything that lands."""

from __future__ import annotations

import asyncio
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from headgate.landing import land_files
from headgate.landing.messages import Appended, Message, open_appender
from headgate.postgres.cluster import Cluster
from tests.integration.landing_files import as_lines, event
from tests.marked import ADDRESS, NAME, VALID, all_lines, is_marked, marked_files, marked_tables
from tests.small_project import declare, settings_for
from tests.support import Database

LINES = all_lines()


def append(database: Database) -> Appended:
    """Lands every form as a message of its own."""

    async def run() -> Appended:
        async with open_appender(database.settings, "github_events", uri="test") as appender:
            return await appender.append([Message(name, line) for name, line in LINES.items()])

    return asyncio.run(run())


def test_the_forms_are_marked_and_many() -> None:
    """What is looked for is there before it lands."""
    assert len(LINES) > 200
    assert [name for name, line in LINES.items() if not is_marked(line)] == []


def test_no_form_in_a_file_is_anywhere_in_clear(database: Database, server: Cluster, tmp_path: Path) -> None:
    """Lines that land, are rejected, are repaired, and those that PostgreSQL alone refuses."""
    lines = [*as_lines([event(1)]), *(line for line in LINES.values() if b"\n" not in line)]
    file = tmp_path / "2016-01-01-1.json"
    file.write_bytes(b"\n".join(lines))
    (result,) = land_files(database.settings, "gharchive", [file])
    assert (result.status, result.lines_read) == ("landed", len(lines) + 4)
    assert result.rows_landed > len(VALID)
    assert result.rows_rejected > 150
    assert result.rows_repaired > 5
    assert marked_tables(database) == []
    assert marked_files(database.folder, server.log) == []


@pytest.mark.costly
def test_no_form_in_a_message_is_anywhere_in_clear(database: Database, server: Cluster) -> None:
    """The same by the way of webhooks, streams and polls."""
    done = append(database)
    assert done.landed > len(VALID)
    assert done.rejected > 150
    assert marked_tables(database) == []
    assert marked_files(database.folder, server.log) == []


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32-be"])
def test_no_form_of_another_encoding_is_anywhere_in_clear(
    database: Database, server: Cluster, tmp_path: Path, encoding: str
) -> None:
    """Files in an encoding that is recognised land from what they say, not from their bytes."""
    texts = [line.decode("utf-8", "replace") for line in LINES.values() if len(line) < 5_000]
    file = tmp_path / "2016-01-01-1.json"
    file.write_bytes("\n".join(['{"id": "1"}', *texts]).encode(encoding))
    (result,) = land_files(database.settings, "gharchive", [file])
    assert result.status == "landed"
    assert result.rows_landed > len(VALID) - 3
    assert marked_tables(database) == []
    assert marked_files(database.folder, server.log) == []


def test_a_file_of_rejects_only_says_nothing_of_them(database: Database, tmp_path: Path) -> None:
    """The message of the failure, the ledger, and all that was written."""
    file = tmp_path / "2016-01-01-1.json"
    file.write_bytes(b"\n".join(line for name, line in LINES.items() if ": cut" in name))
    (result,) = land_files(replace(database.settings, connections=1), "gharchive", [file])
    assert result.status == "failed"
    assert not is_marked(repr(result.error).encode())
    assert marked_tables(database) == []


#: Paths in quotes, as keys of spreadsheets and of other people's APIs want them.
PATHS = (
    {"path": "id", "type": "integer", "required": True},
    {"path": '"Customer E-Mail"', "type": "string", "pii": "hmac"},
    {"path": '"[name].full"', "type": "string", "pii": "drop"},
    {"path": 'customer."e.mail"', "type": "string", "pii": "hmac"},
    {"path": 'people[]."name [full]"', "type": "string", "pii": "hmac"},
)
RECORD = {
    "id": 1,
    "Customer E-Mail": ADDRESS,
    "[name].full": NAME,
    "customer": {"e.mail": ADDRESS},
    "people": [{"name [full]": NAME}, {"name [full]": {"last": NAME}}],
}


def as_csv(record: dict[str, Any]) -> bytes:
    """A spreadsheet with a row that lands, one that has a field too many, and one too few."""
    fields = ",".join('"' + str(value).replace('"', '""') + '"' for value in (*record.values(), NAME))
    header = ",".join(f'"{name}"' for name in record)
    row = fields[: fields.rindex(",")]
    return "\n".join((header, row, fields, f'"{ADDRESS}"')).encode()


def as_parquet(record: dict[str, Any]) -> bytes:
    """A row that lands, and one with a value that has no form in JSON."""
    out = io.BytesIO()
    rows = [{**record, "odd": 1}, {**record, "odd": 10**40}]
    kinds = {"odd": pyarrow.decimal256(50, 0)}
    table = pyarrow.table(
        {name: pyarrow.array([row[name] for row in rows], kinds.get(name)) for name in rows[0]}
    )
    pyarrow.parquet.write_table(table, out)
    return out.getvalue()


TEXT = json.dumps(RECORD).encode()
FLAT = {key: value for key, value in RECORD.items() if not isinstance(value, dict | list)}
FILES = {
    "a.jsonl": b"\n".join(
        (
            TEXT,
            TEXT[:-3],
            TEXT.replace(b'"[name]', b'"\\u0000[name]'),
            TEXT + TEXT,
            TEXT + b" 7",
            b"[" + TEXT + b"]",
        )
    ),
    "a.csv": as_csv(FLAT),
    "a.parquet": as_parquet(FLAT),
}


@pytest.mark.parametrize("policy", [None, "encrypt"])
def test_quoted_paths_hold_from_file_to_table(
    database: Database, server: Cluster, tmp_path: Path, policy: str | None
) -> None:
    """Keys with spaces, dots and brackets, in every format, in lines that land and in lines that do not."""
    project = declare(tmp_path / "project", "orders", {}, paths=PATHS, rejected_lines=policy)
    files = [tmp_path / name for name in FILES]
    for file in files:
        file.write_bytes(FILES[file.name])
        assert is_marked(file.read_bytes())
    results = land_files(settings_for(database.settings, project), "orders", files, connections=1)
    assert [(found.rows_landed, found.rows_rejected, found.rows_repaired) for found in results] == [
        (4, 3, 1),
        (1, 2, 0),
        (2, 0, 0),
    ]
    stored = database.query("select stored_as, count(*) from ops.rejects group by 1")
    assert stored == [("encrypted" if policy else "dropped", 5)]
    landed = database.query("select record from staging_orders.records")
    assert all(record["Customer E-Mail"].startswith("hmac:") for (record,) in landed)
    assert not any("[name].full" in record for (record,) in landed)
    assert marked_tables(database) == []
    assert marked_files(database.folder, server.log) == []
