"""When triggers are due, as code says it; how old sources may be, as they declare it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headgate.errors import UsageError
from headgate.pipelines.freshness import Freshness, declared_limits
from headgate.pipelines.triggers import Trigger, read_triggers
from headgate.settings import load_settings

NOW = datetime(2026, 11, 18, 16, 5, tzinfo=UTC)  # a Wednesday


def trigger(interval: str, *, is_active: bool = True) -> Trigger:
    """A trigger of that interval."""
    return Trigger(pipeline="any", name="any", interval=interval, is_active=is_active, sla=None)


@pytest.mark.parametrize(
    ("interval", "last", "following"),
    [
        ("5 * * * *", "2026-11-18T16:05", "2026-11-18T17:05"),
        ("6 * * * *", "2026-11-18T15:06", "2026-11-18T16:06"),
        ("@hourly", "2026-11-18T16:00", "2026-11-18T17:00"),
        ("@daily", "2026-11-18T00:00", "2026-11-19T00:00"),
        ("@weekly", "2026-11-16T00:00", "2026-11-23T00:00"),
        ("@monthly", "2026-11-01T00:00", "2026-12-01T00:00"),
    ],
)
def test_due_before_and_after(interval: str, last: str, following: str) -> None:
    """The instant itself counts as the last one; Mage's week begins on Monday."""
    due = trigger(interval)

    assert [f"{found:%Y-%m-%dT%H:%M}" for found in (due.last_due(NOW), due.next_due(NOW)) if found] == [
        last,
        following,
    ]


@pytest.mark.parametrize(
    "never", [trigger("@once"), trigger(""), trigger("no cron"), trigger("5 * * * *", is_active=False)]
)
def test_what_time_does_not_make_due(never: Trigger) -> None:
    """Once, by API, not valid, switched off: none is ever due."""
    assert (never.last_due(NOW), never.next_due(NOW)) == (None, None)


def test_triggers_of_this_project() -> None:
    """The main job's pipelines have an hourly trigger with an SLA, the watch one every five minutes."""
    found = read_triggers(load_settings({}))

    active = {
        one.pipeline: (one.interval, one.sla)
        for triggers in found.values()
        for one in triggers
        if one.is_active
    }
    assert active["ingest_gharchive"] == ("5 * * * *", timedelta(hours=1.5))
    assert active["build_features"] == ("6 * * * *", timedelta(hours=2))
    assert active["watch_freshness"] == ("*/5 * * * *", None)


def sources(folder: Path, text: str) -> dict[tuple[str, str], timedelta]:
    """The limits that a project's only file of sources declares."""
    file = folder / "models" / "staging" / "any" / "_any__sources.yml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return declared_limits(replace(load_settings({}), project_dir=folder))


def test_limits_are_those_of_dbt(tmp_path: Path) -> None:
    """A table's own limit wins over its source's, error_after over warn_after; no limit is no limit."""
    found = sources(
        tmp_path,
        """
        sources:
          - name: one
            config: {freshness: {warn_after: {count: 2, period: day}}}
            tables:
              - name: takes_the_sources
              - name: has_its_own
                config:
                  freshness:
                    warn_after: {count: 1, period: hour}
                    error_after: {count: 90, period: minute}
          - name: other
            tables: [{name: has_none}]
        """,
    )

    assert found == {
        ("one", "takes_the_sources"): timedelta(days=2),
        ("one", "has_its_own"): timedelta(hours=1.5),
    }


def test_a_limit_that_is_none_is_named(tmp_path: Path) -> None:
    """The error says where it stands."""
    text = """
        sources:
          - name: one
            tables: [{name: events, config: {freshness: {error_after: {count: 3, period: week}}}}]
    """
    with pytest.raises(UsageError, match=r"one\.events in _any__sources\.yml.*week"):
        sources(tmp_path, text)


def test_late_is_older_than_the_limit() -> None:
    """At the limit it is still in time; data from the future is fresh."""
    one = Freshness(
        source="any",
        entity="events",
        newest=NOW - timedelta(hours=2),
        data_to=NOW - timedelta(hours=2),
        landed_at=NOW,
        limit=timedelta(hours=2),
    )

    assert [
        one.is_late(NOW),
        one.is_late(NOW + timedelta(seconds=1)),
        replace(one, limit=None).is_late(NOW + timedelta(days=9)),
    ] == [False, True, False]
    assert replace(one, newest=NOW + timedelta(hours=1)).age(NOW) == timedelta()
