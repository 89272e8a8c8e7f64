"""`headgate new feature-view`: built hour by hour on generated events, behind its gates, and published."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.project_copy import ProjectCopy
from tests.support import Database

pytestmark = [
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
    pytest.mark.slow,
]

VIEWS = {"repository_pulse": ["repository_id"], "pair_pulse": ["actor_id", "repository_id"]}


@pytest.fixture(scope="module")
def project(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with two generated views, built once, and again after more hours came."""
    made = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    made.headgate(
        *("new", "feature-view", "repository_pulse", "--key", "repository_id", "--windows", "1h,2h,1d"),
        *("--count", "events_count", "--count", "stars_count"),
    )
    made.headgate(
        *("new", "feature-view", "pair_pulse", "--key", "actor_id", "--key", "repository_id"),
        "--windows",
        "3h",
    )
    for first, last in (("2016-01-01T01", "2016-01-01T03"), ("2016-01-01T04", "2016-01-01T05")):
        hours = made.folder / first
        made.headgate("synth", "--from", first, "--to", last, "--events-per-hour", "250", "--out", hours)
        made.headgate("land", "gharchive", *sorted(hours.glob("*.json.gz")))
        made.build()
    return made


def test_values_are_those_of_the_events(project: ProjectCopy) -> None:
    """Every row, also of the second build, equals a count over the typed events of its windows."""
    for view, keys in VIEWS.items():
        hours = 2 if view == "repository_pulse" else 3
        wrong = project.database.query(f"""
            select view.*
            from features.{view} as view
            where view.events_count_{hours}h <> (
                select count(*) from typed.stg_gharchive__events as events
                where {" and ".join(f"events.{key} = view.{key}" for key in keys)}
                and events.created_at >= view.as_of - interval '{hours} hours'
                and events.created_at < view.as_of
            )
        """)
        assert wrong == []
        assert project.database.value(f"select count(*) from features.{view}") > 100
        assert (
            project.database.value(f"select max(as_of)::text from features.{view}")
            == "2016-01-01 06:00:00+00"
        )


def test_gates_and_unit_tests_pass(project: ProjectCopy) -> None:
    """The view's own gates, over all rows, and its unit tests."""
    project.dbt("test", "--select", *VIEWS)

    results = json.loads((project.database.folder / "target" / "run_results.json").read_text())["results"]
    assert {result["status"] for result in results} <= {"pass", "success"}
    assert len(results) >= 2 * 5


def test_gate_finds_a_wrong_count(project: ProjectCopy) -> None:
    """The brute-force recount fails on rows that were tampered with, and passes again when they are right."""
    gate = ("test", "--select", "pair_pulse_equals_the_sum_of_its_hours")
    project.database.query("update features.pair_pulse set events_count_3h = events_count_3h + 1")
    try:
        project.dbt(*gate, exit_code=1)
    finally:
        project.database.query("update features.pair_pulse set events_count_3h = events_count_3h - 1")
    project.dbt(*gate)


def test_view_is_published(project: ProjectCopy) -> None:
    """The feature store takes a generated view up as it does any other."""
    project.headgate("publish")

    for view in VIEWS:
        published = project.database.value(f"select count(*) from feature_store.{view}")
        assert published == project.database.value(f"select count(*) from features.{view}")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--key", "owner"], "--key among"),
        (["--key", "actor_id", "--windows", "1h,60m"], "windows of different lengths"),
        (["--key", "actor_id", "--windows", "24h,1d"], "windows of different lengths"),
        (["--key", "actor_id", "--count", "is_bot"], "--count among"),
    ],
)
def test_wrong_options_are_refused(project: ProjectCopy, options: list[str], said: str) -> None:
    """What is no key, window or count is refused with what would be; nothing is written."""
    refused = project.headgate("new", "feature-view", "trial", *options, exit_code=2)

    assert said in refused.stderr
    assert not Path(project.folder / "models/features/trial.sql").exists()


def test_name_of_another_model_is_refused(project: ProjectCopy) -> None:
    """Two models cannot have one name, and a view that stands is not overwritten."""
    taken = ("new", "feature-view", "contract_drift", "--key", "actor_id")
    assert "a name that no model has" in project.headgate(*taken, exit_code=2).stderr

    standing = ("new", "feature-view", "actor_activity", "--key", "actor_id")
    assert "actor_activity.sql" in project.headgate(*standing, exit_code=4).stderr
