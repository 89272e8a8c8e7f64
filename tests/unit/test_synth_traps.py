"""Every trap is in the file, and does to PostgreSQL what the truth says it does."""

from __future__ import annotations

import contextlib
import gzip
import json
from datetime import UTC, datetime

import psycopg2
import pytest

from headgate_github.synth import generate_hour
from headgate_github.synth.traps import TRAPS
from headgate_github.synth.truth import Mark
from headgate_github.synth.world import GENERATIONS, Generation
from tests.support import Database
from tests.unit.synth_lines import lines_of

HOUR = datetime(2016, 1, 1, 3, tzinfo=UTC)


def trap_lines(
    generation: Generation = "events", traps: tuple[str, ...] = tuple(TRAPS)
) -> list[tuple[Mark, bytes]]:
    """The lines of traps in an hour with what the truth says of each."""
    hour = generate_hour(HOUR, events_per_hour=60, generation=generation, traps=traps)
    lines = lines_of(hour.content)
    return [(mark, lines[mark.line_number - 1]) for mark in hour.truth.marks]


def only(trap: str) -> list[bytes]:
    """The lines of one trap."""
    return [line for _, line in trap_lines(traps=(trap,))]


@pytest.mark.parametrize("generation", GENERATIONS)
def test_every_trap_is_set_when_asked(generation: Generation) -> None:
    """`all` sets each trap; only missing ids cannot be had where there are no ids."""
    found = {mark.trap for mark, _ in trap_lines(generation)}
    assert TRAPS.keys() - found == ({"missing_id"} if generation == "timeline" else set())


def test_raw_bytes_are_as_the_traps_promise() -> None:
    """The traps that live below JSON have their bytes in the file."""
    assert sum(rb"\u0000" in line for line in only("nul_escape")) == 3
    assert "\u2028".encode() in only("line_separator")[0]
    assert "\u2029".encode() in only("line_separator")[0]
    assert len(only("long_line")[0]) == 245_000
    assert len(only("huge_string")[0]) > 5_000_000
    assert b"[" * 20_000 in max(only("deep_nesting"), key=len)
    assert {b"1e400" in line for line in only("huge_number")} == {True}
    assert {line.strip() for line in only("blank_line")} == {b""}
    one, other = only("concatenated")
    hour = generate_hour(HOUR, events_per_hour=60, generation="events", traps=("concatenated",))
    assert one + other in gzip.decompress(hour.content)
    assert only("truncated_line")[0].count(b"{") > only("truncated_line")[0].count(b"}")
    for line in only("invalid_utf8"):
        with pytest.raises(UnicodeDecodeError):
            line.decode()


def test_duplicates_have_the_id_of_their_original() -> None:
    """Within an hour one id comes three times, another twice; the next hour repeats three ids of this one."""
    ids = [json.loads(line)["id"] for line in only("duplicate_in_hour")]
    assert sorted(ids.count(identity) for identity in set(ids)) == [2, 3]
    first = {json.loads(line)["id"]: line for line in only("duplicate_across_hours")}
    hour = generate_hour(
        HOUR.replace(hour=4), events_per_hour=60, generation="events", traps=("duplicate_across_hours",)
    )
    again = {json.loads(line)["id"]: line for line in lines_of(hour.content)}
    assert len(again.keys() & first.keys()) == 3
    assert all(again[identity] != first[identity] for identity in again.keys() & first.keys())


@pytest.mark.parametrize("generation", GENERATIONS)
def test_postgresql_takes_and_refuses_what_the_truth_says(database: Database, generation: Generation) -> None:
    """Lines that should land do, the others do not, and those to be repaired only once they are."""
    wrong = []
    with contextlib.closing(psycopg2.connect(database.dsn)) as connection:
        connection.autocommit = True
        for mark, line in trap_lines(generation):
            taken = _taken(connection, line)
            if mark.repaired:
                taken = not taken and _taken(connection, line.replace(rb"\u0000", b""))
            # Text and numbers are JSON too; it is for Headgate that a record is an object.
            if mark.trap != "not_an_object" and taken != (mark.outcome != "rejected"):
                wrong.append(mark)
    assert not wrong


def _taken(connection: psycopg2.extensions.connection, line: bytes) -> bool:
    with connection.cursor() as cursor:
        try:
            cursor.execute("select convert_from(%s, 'UTF8')::jsonb is not null", (line,))
        except psycopg2.DatabaseError:
            return False
    return True
