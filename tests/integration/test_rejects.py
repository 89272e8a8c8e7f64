"""Lines that could not land, as users meet them: listed, read again, minimised when a contract changes."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import pytest
from click.testing import CliRunner

from headgate.cli.main import cli
from headgate.errors import ConfirmationRequired, HeadgateError, UsageError
from headgate.landing import land_files, rejects
from headgate.postgres.working import with_connection
from headgate.settings import Settings
from tests.marked import marked_tables
from tests.small_project import PATHS, declare, settings_for
from tests.support import Database

T = TypeVar("T")

LINES = (
    b'{"id": 1, "email": "x"}',
    b'{"id": 2, "email": "qzvx@qzvx.example"',
    b'{"id": 3, "email": "qzvx@qzvx.example", "note": "\\u0000"}',
)
IMPERSONAL = tuple({key: value for key, value in path.items() if key != "pii"} for path in PATHS)


def land(database: Database, folder: Path, **declared: Any) -> Settings:
    """Lands one good, one broken and one repaired line under a contract; the settings of its project."""
    settings = settings_for(database.settings, declare(folder / "project", "orders", {}, **declared))
    (folder / "orders.jsonl").write_bytes(b"\n".join(LINES))
    (result,) = land_files(settings, "orders", [folder / "orders.jsonl"], connections=1)
    assert (result.rows_landed, result.rows_rejected, result.rows_repaired) == (2, 1, 1)
    return settings


def read(settings: Settings, line_number: int) -> bytes:
    """A kept line of the first load."""
    return with_connection(settings, lambda connection: rejects.read(settings, connection, 1, line_number))


def test_encrypted_lines_are_read_with_the_key(database: Database, tmp_path: Path) -> None:
    """Rejects and repairs alike; another key, or none of such a line, is said."""
    settings = land(database, tmp_path, rejected_lines="encrypt")
    assert marked_tables(database) == []
    assert [read(settings, number) for number in (2, 3)] == [LINES[1], LINES[2]]
    with pytest.raises(HeadgateError, match="another key"):
        read(replace(settings, pii_key="another"), 2)
    with pytest.raises(UsageError, match="none rejected or repaired"):
        read(settings, 1)


def test_dropped_lines_are_told_by_length_and_hash(database: Database, tmp_path: Path) -> None:
    """That is what the default keeps, and what the message says."""
    settings = land(database, tmp_path)
    found = with_connection(settings, lambda connection: rejects.listed(connection, 1, None, 9))
    told = [(row["line_number"], row["what"], row["reason"], row["line_bytes"]) for row in found]
    assert told == [
        (2, "rejected", "truncated JSON", len(LINES[1])),
        (3, "repaired", "removed \\u0000", len(LINES[2])),
    ]
    assert {row["stored_as"] for row in found} == {"dropped"}
    assert all(row["line_hmac"].startswith("hmac:") for row in found)
    with pytest.raises(HeadgateError, match=f"{len(LINES[1])} bytes"):
        read(settings, 2)


def test_a_contract_that_tags_paths_later_has_old_lines_minimised(database: Database, tmp_path: Path) -> None:
    """Until then they are kept as they came, so that users see what broke."""
    settings = land(database, tmp_path, paths=IMPERSONAL)
    assert [read(settings, number) for number in (2, 3)] == [LINES[1], LINES[2]]
    plan = with_connection(settings, lambda connection: rejects.plan(settings, connection))
    assert plan.lines == {}

    declare(tmp_path / "project", "orders", {}, rejected_lines="encrypt")
    plan = with_connection(settings, lambda connection: rejects.plan(settings, connection))
    assert (dict(plan.lines), plan.unknown) == ({"orders": 2}, ())
    with_connection(settings, lambda connection: rejects.minimise(settings, connection, plan.lines))
    assert not [table for table in marked_tables(database) if table.startswith("ops.")]
    assert [read(settings, number) for number in (2, 3)] == [LINES[1], LINES[2]]
    assert with_connection(settings, lambda connection: rejects.plan(settings, connection)).lines == {}


def test_the_commands(database: Database, tmp_path: Path) -> None:
    """Listing shows no contents; showing does; minimising asks first, and leaves unknown sources alone."""
    land(database, tmp_path, paths=IMPERSONAL)

    def run(*arguments: str) -> Any:
        return CliRunner(env=database.env).invoke(cli, ["rejects", *arguments])

    (listed, *_) = found = json.loads(run("list", "orders", "--json").stdout)
    assert json.loads(run("list", "--source", "orders", "--json").stdout) == found
    assert json.loads(run("list", "others", "--json").stdout) == []
    assert "name two sources" in run("list", "orders", "--source", "others").output
    assert (len(found), listed["load_id"], listed["line_number"]) == (2, 1, 2)
    assert "qzvx" not in run("list").stdout
    assert run("show", "1", "2").stdout_bytes == LINES[1] + b"\n"
    assert "no contract in the project" in run("minimise").stdout

    database.query("update ops.loads set source = 'gharchive', entity = 'events'")
    refused = run("minimise")
    assert "gharchive: 2 lines to minimise" in refused.stdout
    assert isinstance(refused.exception, ConfirmationRequired)
    assert "2 lines minimised" in run("minimise", "--yes").stdout
    assert isinstance(run("show", "1", "2").exception, HeadgateError)
    assert "Nothing to minimise" in run("minimise").stdout
