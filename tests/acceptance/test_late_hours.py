"""Hours that come late or lose events, in all generations: the tables of a build from scratch."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.acceptance.comparison import KEYS, Compared, compare, draw_keys
from tests.acceptance.hours import GOOD_TRAPS, generated, hours_from, known_bots
from tests.acceptance.recompute import HOUR, Recomputed, read_events
from tests.acceptance.runs import build, contents, from_scratch
from tests.acceptance.tables import differences
from tests.support import Database, Databases

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("server", ["system"], indirect=True),
]

#: The first hours of the generations timeline, events and events_slim.
STARTS = ("2012-04-11T15", "2016-03-01T04", "2026-05-07T04")
#: Hours after the first: some in a row, and some at which windows of 24 hours, 7 and 30 days let go of them.
OFFSETS = (0, 1, 2, 3, 4, 25, 26, 169, 171, 722)
#: Which of them comes late, and which come again without some events.
LATE, AGAIN = 2, (3, 7)


class Story(NamedTuple):
    """The files in order, and a database to land them in."""

    database: Database
    files: list[Path]
    late: list[Path]
    again: list[Path]
    #: What untouched() said of each feature view before the late hours came.
    untouched_before: dict[str, set[tuple[Any, ...]]]


@pytest.fixture(scope="module")
def story(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Ten hours of each generation: all but one built."""
    starts = [hours_from(start, 1)[0] for start in STARTS]
    hours = [start + timedelta(hours=offset) for start in starts for offset in OFFSETS]
    folder = tmp_path_factory.mktemp("hours")
    files = list(generated(folder, hours, events_per_hour=300, traps=GOOD_TRAPS))
    late = files[LATE :: len(OFFSETS)]
    again = [file for number in AGAIN for file in files[number :: len(OFFSETS)]]
    with databases.new() as database:
        build(database, [file for file in files if file not in late])
        yield Story(database, files, late, again, {})


@pytest.fixture(scope="module")
def late(story: Story) -> Story:
    """The story after the late hours came."""
    before = {view: untouched(story, view) for view in KEYS}
    build(story.database, story.late)
    return story._replace(untouched_before=before)


@pytest.fixture(scope="module")
def again(late: Story, tmp_path_factory: pytest.TempPathFactory) -> Story:
    """The story after some hours were delivered again without every fifth line."""
    folder = tmp_path_factory.mktemp("again")
    replaced = {file: folder / file.name for file in late.again}
    for file, second in replaced.items():
        lines = gzip.decompress(file.read_bytes()).split(b"\n")
        kept = [line for number, line in enumerate(lines) if number % 5 != 2]
        second.write_bytes(gzip.compress(b"\n".join(kept), 1))
    build(late.database, replaced.values())
    return late._replace(files=[replaced.get(file, file) for file in late.files])


def recompute(files: list[Path]) -> Recomputed:
    """The events of files, read without the project."""
    end = hours_from(STARTS[-1], 1)[0] + timedelta(hours=OFFSETS[-1]) + HOUR
    return Recomputed(read_events(files), known_bots(), end)


def untouched(story: Story, view: str) -> set[tuple[Any, ...]]:
    """Place and writing transaction of every row whose key has no event in a late hour."""
    late = {event.id for event in read_events(story.late)}
    events = recompute(story.files).of
    touched = {key for (name, key) in events if name == view and any(e.id in late for e in events[name, key])}
    rows = story.database.query(
        f"select {', '.join(KEYS[view])}, as_of, ctid, xmin::text from features.{view}"
    )
    return {row for row in rows if row[: len(KEYS[view])] not in touched}


def check_against_recompute(story: Story, view: str, seed: int) -> None:
    """Compares the rows of random and of hot keys; all windows have let go of what is long ago."""
    recomputed = recompute(story.files)
    keys = draw_keys(recomputed, view, seed=seed, ordinary=60, hot=5)
    compared = sum((compare(story.database, recomputed, view, [key]) for key in keys), Compared())
    assert compared.rows >= 200
    assert compared.emptied >= 100


def test_some_openings_come_after_the_merge(story: Story) -> None:
    """What is tested here happens: the author of a merge built before is known from a late hour only."""
    openings = {event.pull_id: event for event in read_events(story.late) if event.outcome == "opened"}
    waiting = [
        event
        for event in read_events([file for file in story.files if file not in story.late])
        if event.outcome == "merged" and event.author is None and event.pull_id in openings
    ]
    assert {event.at.year for event in waiting} == {2026}
    unknown = "select count(*) from typed.int_pull_requests__attributed_to_authors where author_id is null"
    assert story.database.value(f"{unknown} and outcome = 'merged'") >= len(waiting)


def test_a_late_hour_leaves_other_keys_alone(late: Story) -> None:
    """No feature row of a key without events in the late hours is written anew."""
    for view, rows in late.untouched_before.items():
        assert len(rows) > 1_000
        assert rows - untouched(late, view) == set(), view


def test_a_late_hour_ends_in_the_tables_of_one_run(late: Story, databases: Databases) -> None:
    """Built late or in order, the tables hold the same."""
    assert differences(from_scratch(databases, late.files), contents(late.database)) == {}


@pytest.mark.parametrize("view", KEYS)
def test_features_after_a_late_hour(late: Story, view: str) -> None:
    """The rows of random keys in all generations are those that plain Python finds."""
    check_against_recompute(late, view, seed=1)


def test_events_that_vanish_leave_the_tables_of_one_run(again: Story, databases: Databases) -> None:
    """After a second delivery with fewer events, the tables are as if there had been no first."""
    assert differences(from_scratch(databases, again.files), contents(again.database)) == {}


@pytest.mark.parametrize("view", KEYS)
def test_features_after_events_vanished(again: Story, view: str) -> None:
    """The rows of random keys in all generations are those that plain Python finds."""
    check_against_recompute(again, view, seed=2)
