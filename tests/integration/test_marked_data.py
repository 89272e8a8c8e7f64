"""Marked names and addresses landed in every form: in no table, file or log of anything that lands."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from headgate.landing import land_files
from headgate.landing.messages import Appended, Message, open_appender
from headgate.postgres.cluster import Cluster
from tests.integration.landing_files import as_lines, event
from tests.marked import VALID, all_lines, is_marked, marked_files, marked_tables
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
