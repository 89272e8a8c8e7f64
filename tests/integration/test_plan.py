"""Plans on a copy of the project: one change of each kind, approval by hash, carrying out, new versions."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate import postgres
from tests.acceptance.hours import generated, hours_from
from tests.acceptance.runs import two_hours
from tests.project_copy import ProjectCopy
from tests.support import Databases

#: What is planned is text; what it does to a database is tested on both servers by test_publish.
pytestmark = [pytest.mark.costly, pytest.mark.parametrize("server", ["embedded"], indirect=True)]

ACTOR = "models/features/github/actor_activity"
CONTRIBUTOR = "models/features/github/contributor_activity"
REPOSITORY = "models/features/github/repository_activity"
ACTIVITY = "models/intermediate/github/activity/int_activity__summed_by_hour"
SUMS = "macros/github/activity_sums.sql"
VALUES = "macros/features/measured_value.sql"
PROJECT = "dbt_project.yml"
FILES = [f"{name}{end}" for name in (ACTOR, CONTRIBUTOR, REPOSITORY, ACTIVITY) for end in (".sql", ".yml")]
LAST_PUSH = (
    "    'last_push_at':"
    " {'of': 'last_push_at', 'operations': ['max'], 'windows': ['lifetime'], 'as': 'last_push_at'},\n"
)


@pytest.fixture(scope="module")
def published(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProjectCopy]:
    """A project with two generated hours, built and published as release 1."""
    folder = tmp_path_factory.mktemp("plan")
    with databases.new(two_hours(databases, folder / "hours")) as database:
        yield ProjectCopy.make(folder / "project", database)


@pytest.fixture
def project(published: ProjectCopy) -> Iterator[ProjectCopy]:
    """The same, as it was, for each test."""
    yield published
    published.restore(*FILES, SUMS, VALUES, PROJECT)
    for extra in published.folder.glob("models/features/github/*_v2.sql"):
        extra.unlink()


def sentences(plan: dict[str, Any], layer: str = "feature_store") -> dict[str, list[str]]:
    """The plan's words: view -> `additive` or `breaking` and the sentence."""
    found: dict[str, list[str]] = {}
    for change in plan["changes"]:
        if change["layer"] == layer:
            kind = "breaking" if change["breaking"] else "additive"
            found.setdefault(change["name"], []).append(f"{kind}: {change['sentence']}")
    return found


def add_column(project: ProjectCopy, model: str, name: str, kind: str) -> None:
    """Declares one more column of a feature view."""
    with project.edit_yaml(f"{model}.yml") as document:
        document["models"][0]["columns"].append({"name": name, "data_type": kind, "description": "New."})


def rate_otherwise(project: ProjectCopy, step: str) -> None:
    """Computes the merge rate of all three views in another way, with the same values."""
    project.replace(SUMS, "::double precision / nullif(", f"::double precision {step} / nullif(")


def add_is_busy(project: ProjectCopy) -> None:
    """Adds a column to the features of accounts."""
    project.replace(
        f"{ACTOR}.sql",
        "    'expressions': {\n",
        "    'expressions': {\n        'is_busy': 'events_count_7d > 9',\n",
    )
    add_column(project, ACTOR, "is_busy", "boolean")


def test_layout_and_comments_are_no_change(project: ProjectCopy) -> None:
    """Neither in a feature view nor below it."""
    project.replace(f"{ACTOR}.sql", "{{ feature_view(", "-- The same.\n\n{{   feature_view(")
    project.replace(f"{ACTIVITY}.sql", "select * from summed", "select\n    *\nfrom summed -- as it was")
    plan = project.plan()
    assert (plan["changes"], plan["rebuild"]) == ([], [])


def test_another_way_to_the_same_values_is_no_change(project: ProjectCopy) -> None:
    """A declared view means its recount, also where an earlier version recorded the SQL that built it."""
    project.replace(VALUES, "'coalesce(' ~ n ~ ', 0)::bigint'", "'coalesce(' ~ n ~ ' + 0, 0)::bigint'")
    project.database.query(
        "update ops.model_definitions set first_sql = 'select 1', next_sql = 'select 2'"
        " where recount is not null"
    )
    postgres.migrate(project.database.dsn, "0031")
    postgres.migrate(project.database.dsn)

    plan = project.plan()

    assert (plan["changes"], plan["rebuild"]) == ([], [])


def test_a_spine_that_is_gone_is_told_by_where_it_is_named(project: ProjectCopy) -> None:
    """Dbt says it of the model that reads all of them."""
    project.replace(PROJECT, "label_spines: [", "label_spines: [orders_spine, ")
    said = project.headgate("plan", exit_code=2).stderr
    for expected in ("label_spines in dbt_project.yml", "take orders_spine out of label_spines"):
        assert expected in said


def test_added_dropped_and_renamed_columns(project: ProjectCopy) -> None:
    """Only the added one is additive; a renamed one is gone for whoever reads it."""
    add_is_busy(project)
    project.replace(f"{CONTRIBUTOR}.sql", "'as': 'first_seen_at'", "'as': 'since'")
    with project.edit_yaml(f"{CONTRIBUTOR}.yml") as document:
        document["models"][0]["columns"][-1]["name"] = "since"
    project.replace(f"{REPOSITORY}.sql", LAST_PUSH, "")
    with project.edit_yaml(f"{REPOSITORY}.yml") as document:
        model = document["models"][0]
        model["columns"] = [column for column in model["columns"] if column["name"] != "last_push_at"]

    plan = project.plan(exit_code=4)

    assert sentences(plan) == {
        "actor_activity": ["additive: added column is_busy"],
        "contributor_activity": ["breaking: renamed column first_seen_at: first_seen_at -> since"],
        "repository_activity": ["breaking: dropped column last_push_at"],
    }
    assert {model["model"] for model in plan["rebuild"]} >= {"actor_activity", "contributor_activity"}


def test_retyped_and_redefined_columns(project: ProjectCopy) -> None:
    """Told apart, and all breaking; columns that nothing was done to are not named."""
    project.replace(f"{CONTRIBUTOR}.sql", "'as': 'first_seen_at'", "'as': 'first_seen_at', 'type': 'date'")
    with project.edit_yaml(f"{CONTRIBUTOR}.yml") as document:
        document["models"][0]["columns"][-1]["data_type"] = "date"
    project.replace(f"{ACTOR}.sql", "'of': 'last_event_at'", "'of': 'first_event_at'")
    project.replace(
        f"{REPOSITORY}.sql",
        "'operations': ['median']",
        "'operations': ['p90'], 'as': 'hours_to_merge_median'",
    )

    plan = project.plan(exit_code=4)

    assert sentences(plan) == {
        "actor_activity": ["breaking: redefined column last_seen_at"],
        "contributor_activity": ["breaking: retyped column first_seen_at: timestamp with time zone -> date"],
        "repository_activity": ["breaking: redefined column hours_to_merge_median_7d"],
    }


def test_a_change_below_reaches_the_columns_that_come_from_it(project: ProjectCopy) -> None:
    """An added column of an intermediate model none, a redefined one those that count it."""
    project.replace(
        f"{ACTIVITY}.sql",
        "        count(*) filter (where event_type = 'WatchEvent') as stars_count,\n",
        "        count(*) filter (where event_type = 'WatchEvent' and actor_id > 0) as stars_count,\n"
        "        count(*) filter (where event_type = 'ReleaseEvent') as releases_count,\n",
    )
    with project.edit_yaml(f"{ACTIVITY}.yml") as document:
        document["models"][0]["columns"].append({"name": "releases_count", "description": "New."})

    plan = project.plan(exit_code=4)

    assert sentences(plan, "typed") == {
        "int_activity__summed_by_hour": [
            "additive: added column releases_count",
            "breaking: redefined column stars_count",
        ]
    }
    assert sentences(plan) == {
        "repository_activity": ["breaking: redefined columns stars_count_1h, stars_count_24h, stars_count_7d"]
    }
    assert "actor_activity" in {model["model"] for model in plan["rebuild"]}


@pytest.mark.slow
def test_a_dropped_column_is_gone_after_apply(project: ProjectCopy) -> None:
    """The view is built from nothing: a table that keeps the column cannot be built on."""
    add_is_busy(project)
    project.headgate("apply", "--yes")
    project.restore(*FILES)

    plan = project.plan(exit_code=4)
    assert sentences(plan) == {"actor_activity": ["breaking: dropped column is_busy"]}
    assert [model["model"] for model in plan["rebuild"]] == ["actor_activity"]
    project.headgate("approve", plan["hash"])
    project.headgate("apply", "--yes")
    assert project.plan()["changes"] == []


@pytest.mark.slow
def test_a_new_version_beside_the_old_one_is_additive(project: ProjectCopy) -> None:
    """As dbt has model versions: the first keeps its relation, the second has one of its own."""
    sql = (project.folder / f"{CONTRIBUTOR}.sql").read_text()
    changed = sql.replace("merged_share('30d')", "'1 - ' ~ merged_share('30d')")
    assert changed != sql
    (project.folder / f"{CONTRIBUTOR}_v2.sql").write_text(changed)
    with project.edit_yaml(f"{CONTRIBUTOR}.yml") as document:
        document["models"][0] |= {
            "latest_version": 1,
            "versions": [
                {"v": 1, "defined_in": "contributor_activity", "config": {"alias": "contributor_activity"}},
                {"v": 2},
            ],
        }
        document.pop("unit_tests", None)
        # A gate with a name of its own belongs to one version; dbt would give it to both.
        for described in (document["models"][0], *document["models"][0]["columns"]):
            described.pop("data_tests", None)

    assert sentences(project.plan()) == {"contributor_activity_v2": ["additive: added view"]}

    project.headgate("apply", "--yes")
    views = project.database.query(
        "select view, version from ops.release_views"
        " where release_id = (select max(release_id) from ops.releases) order by view"
    )
    assert views == [
        ("actor_activity", 1),
        ("contributor_activity", 1),
        ("contributor_activity_v2", 2),
        ("repository_activity", 1),
    ]
    assert project.plan()["changes"] == []

    newest = json.loads(project.headgate("releases", "--json").stdout)["active"]
    project.headgate("rollback", "--yes")
    assert f"release {newest}, which a rollback left" in project.headgate("apply", "--yes").stdout
    project.headgate("rollback", "--to", str(newest), "--yes")


@pytest.mark.slow
def test_a_breaking_change_is_refused_until_its_plan_is_approved(project: ProjectCopy) -> None:
    """By its hash, which another plan has not; then it is built again, behind gates, and published."""
    before = project.database.value("select max(release_id) from ops.releases")
    rate_otherwise(project, "* 1")

    plan = project.plan(exit_code=4)
    assert set(sentences(plan)) >= {"actor_activity", "contributor_activity", "repository_activity"}

    refused = project.headgate("apply", "--yes", exit_code=4)
    assert f"headgate approve {plan['hash']}" in refused.stderr
    assert "another one" in project.headgate("approve", "0" * 16, exit_code=2).stderr
    project.headgate("approve", plan["hash"])
    assert project.plan()["hash"] == plan["hash"]
    assert "headgate apply --yes" in project.headgate("apply", exit_code=4).stderr
    done = project.headgate("apply", "--yes")

    assert f"Release {before + 1} is active." in done.stdout
    assert project.plan()["changes"] == []
    reports = (project.database.settings.home / "reports").glob("*-apply.md")
    assert any(plan["hash"] in report.read_text() for report in reports)


@pytest.mark.slow
def test_partitions_built_in_two_ways_are_not_published(project: ProjectCopy, tmp_path: Path) -> None:
    """New hours from new SQL beside old ones: refused, until `headgate apply` builds those again."""
    rate_otherwise(project, "/ 1")
    project.headgate("land", "gharchive", *generated(tmp_path, hours_from("2016-01-01T03", 1)))
    project.build()

    refused = project.headgate("publish", exit_code=1)

    assert "expected  all partitions built in the same way" in refused.stderr
    assert "headgate apply" in refused.stderr
    plan = project.plan(exit_code=4)
    assert {"actor_activity", "contributor_activity", "repository_activity"} <= {
        model["model"] for model in plan["rebuild"]
    }
    project.headgate("approve", plan["hash"])
    project.headgate("apply", "--yes")
    assert project.plan()["rebuild"] == []
