"""dbt called so that it reads less than there is, or for another target: nothing is touched or recorded."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headgate_github.synth import generate_hour
from tests.project_copy import ProjectCopy
from tests.support import ROOT, Database, Databases, run

pytestmark = pytest.mark.costly

HOUR = datetime(2016, 1, 1, 3, tzinfo=UTC)
QUARANTINE = "stg_gharchive__quarantine"
#: Some models, with the gates that read nothing else.
SELECTED = (
    "-s",
    "+contract_drift",
    "--exclude-resource-type",
    "unit_test",
    "--indirect-selection",
    "cautious",
)
LEDGER = (
    *("built_partitions", "certified_partitions", "deployed_models", "model_definitions", "model_runs"),
    *("gate_results", "gate_failures", "dbt_runs", "contracts", "seed_contents"),
)
#: Every relation that dbt may write, with the file that holds it, and its text where it is a view.
RELATIONS = """
    select nspname, relname, relkind::text, relfilenode, pg_class.oid, pg_get_viewdef(pg_class.oid)
    from pg_class inner join pg_namespace on pg_namespace.oid = relnamespace
    where
        nspname in ('typed', 'features', 'monitoring', 'training', 'gate_failures')
        or nspname like 'headgate%'
    order by 1, 2
"""


def write_hour(folder: Path, broken: int) -> Path:
    """A generated hour in which `broken` pushes have a text where the contract wants a number."""
    hour = generate_hour(HOUR, seed=7, events_per_hour=200, generation="events", traps=())
    events = [json.loads(line) for line in gzip.decompress(hour.content).split(b"\n") if line]
    for event in [event for event in events if event["type"] == "PushEvent"][:broken]:
        event["payload"]["size"] = "seven"
    file = folder / "2016-01-01-3.json.gz"
    file.write_bytes(gzip.compress("\n".join(map(json.dumps, events)).encode()))
    return file


def state(database: Database) -> dict[str, Any]:
    """All that dbt and its hooks may change, to be compared."""
    found: dict[str, Any] = {"relations": database.query(RELATIONS)}
    for table in LEDGER:
        found[table] = database.value(
            f"select md5(string_agg(t::text, '/' order by t::text)) from ops.{table} as t"
        )
    for schema, table, kind, *_ in found["relations"]:
        if kind == "r":
            rows = f'select md5(string_agg(t::text, \'/\' order by t::text)) from "{schema}"."{table}" as t'
            found[f"{schema}.{table}"] = database.value(rows)
    return found


@pytest.fixture(scope="module")
def landed(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A database with one landed hour, in which three pushes break the contract; nothing is built."""
    with databases.new() as database:
        database.headgate("land", "gharchive", write_hour(tmp_path_factory.mktemp("hours"), broken=3))
        yield database


def test_empty_builds_nothing_and_the_next_build_quarantines(landed: Database) -> None:
    """The whole project runs on no rows, gates and unit tests too, where no model was ever built."""
    before = state(landed)
    done = landed.dbt("build", "--empty")
    assert "a dry run" in done.stdout
    assert "Completed successfully" in done.stdout
    assert state(landed) == before
    landed.dbt(
        "run",
        "-s",
        f"+{QUARANTINE}",
        "stg_gharchive__deliveries",
        "stg_gharchive__events",
        "stg_gharchive__pushes",
    )
    assert landed.value(f"select count(*) from typed.{QUARANTINE}") == 3
    assert landed.value("select count(*) from typed.stg_gharchive__pushes") > 0


@pytest.fixture(scope="module")
def built(landed: Database) -> Database:
    """The same with seeds and some models built, behind their gates: incremental ones, a view and a table."""
    landed.dbt("build", *SELECTED)
    return landed


@pytest.mark.parametrize(
    "command",
    [
        ("build", "--empty", "--full-refresh", *SELECTED),
        ("build", "--empty", "--full-refresh", "--resource-type", "seed"),
    ],
    ids=["build_from_nothing", "seed"],
)
def test_empty_leaves_what_is_built(built: Database, command: tuple[str, ...]) -> None:
    """Tables, views, seeds, kept failing rows and the ledger are those of before."""
    before = state(built)
    assert before["built_partitions"]
    assert before["gate_results"]
    built.dbt(*command)
    assert state(built) == before


def test_an_empty_run_sees_what_it_has_built_itself(built: Database, tmp_path: Path) -> None:
    """A column that is new in one model can be read in the next, and is gone afterwards."""
    before = state(built)
    project = ProjectCopy.make(tmp_path / "project", built)
    (project.folder / "models/staging/one.sql").write_text(
        "{{ config(materialized='table') }} select 1 as new_column"
    )
    (project.folder / "models/staging/two.sql").write_text(
        "{{ config(materialized='view') }} select one.new_column from {{ ref('one') }} as one"
        " inner join {{ source('headgate', 'loads') }} as loads on true"
    )
    done = project.run(
        "dbt", "run", "--empty", "-s", "one", "two", "--profiles-dir", write_profiles(tmp_path)
    )
    assert "Completed successfully" in done.stdout
    assert state(built) == before


def write_profiles(folder: Path) -> Path:
    """A folder with profiles.yml: the project's own target, and `alice` with a schema of her own."""
    text = (ROOT / "profiles.example.yml").read_text()
    dev = text[text.index("    dev:\n") : text.index("# {% endraw")]
    alice = dev.replace("    dev:", "    alice:").replace("schema: typed", "schema: dbt_alice")
    (folder / "profiles.yml").write_text(text.replace(dev, dev + alice))
    return folder


def with_another_schema(database: Database, folder: Path) -> Path:
    """A folder with the manifest of a project whose deliveries are in another schema."""
    manifest = json.loads((database.folder / "target/manifest.json").read_text())
    manifest["nodes"]["model.headgate.stg_gharchive__deliveries"]["schema"] = "elsewhere"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


def refused(database: Database, profiles: Path, *words: str, **env: str) -> str:
    """What dbt says when it fails, on one line."""
    folders = ("--project-dir", ROOT, "--profiles-dir", profiles, "--target-path", database.folder / "target")
    command = (*words, *folders, "--log-path", database.folder / "logs")
    done = run("dbt", *command, env={**database.env, **env}, exit_code=2 if words[0] != "clone" else 1)
    return " ".join(done.stdout.split())


REFUSED = {
    "sample": (("run", "--sample=1 day"), "dbt --sample: expected whole partitions"),
    "event_times": (
        ("build", "--event-time-start", "2016-01-01", "--event-time-end", "2016-01-02"),
        "dbt --event-time-start: expected whole partitions",
    ),
    "deferred": (
        ("run", "--defer", "--favor-state", "--state", "STATE"),
        "found elsewhere.stg_gharchive__deliveries",
    ),
    "target": (("run", "--full-refresh", "--target", "alice"), "createdb"),
    "clone": (
        ("clone", "--target", "alice", "--full-refresh", "--state", "STATE"),
        "createdb --template=",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_read_or_write_elsewhere_is_refused(built: Database, tmp_path: Path, name: str) -> None:
    """With what was expected and what to do instead, before anything is touched."""
    command, sentence = REFUSED[name]
    before = state(built)
    folder = with_another_schema(built, tmp_path)
    selected = () if command[0] == "seed" else ("-s", "stg_gharchive__stars", "stg_gharchive__pushes")
    words = [str(folder) if word == "STATE" else word for word in command]
    profiles = write_profiles(built.folder / "profiles")
    done = refused(built, profiles, *words, *selected)
    assert sentence in done
    assert state(built) == before


def test_sessions_in_another_zone_are_refused(built: Database) -> None:
    """Called without `headgate env`, on a server of another zone, dbt would move times that name none."""
    before = state(built)
    profiles = write_profiles(built.folder / "profiles")
    done = refused(built, profiles, "run", "-s", "stg_gharchive__stars", PGTZ="Europe/Berlin")
    assert (
        "expected time zone UTC, in which times are typed and features computed; found Europe/Berlin" in done
    )
    assert 'Next: eval "$(headgate env)"' in done
    assert state(built) == before


def test_freshness_follows_the_ledger(database: Database) -> None:
    """A source is late or not by the end of its newest landed data, as for `headgate check`."""
    for status, age in (("landed", 9), ("failed", 1)):
        database.query(
            "insert into ops.loads (source, entity, uri, status, partition_start, partition_end,"
            f" lines_read, rows_landed, rows_rejected) values ('gharchive', 'events', 'f', '{status}',"
            f" now() - interval '{age + 1} hours', now() - interval '{age} hours', 0, 0, 0)"
        )
    late = database.dbt("source", "freshness", exit_code=1).stdout
    assert "ERROR STALE freshness of gharchive.events" in late
    assert "Source gharchive.events is late: its newest landed data ends at " in late
    database.query("update ops.loads set status = 'landed'")
    assert "PASS freshness of gharchive.events" in database.dbt("source", "freshness").stdout


def test_rows_that_the_ledger_does_not_know_are_built_from_nothing(built: Database) -> None:
    """After `headgate migrate base` and `up` a build needs no option to be right."""
    table = "monitoring.gharchive_observed_paths"
    rows = f"select count(*) from {table}"
    expected = built.value(rows)
    built.query("delete from ops.built_partitions where model = 'gharchive_observed_paths'")
    built.query(
        f"create temp table other as select * from {table};"
        " update other set partition_start = partition_start - interval '1 hour';"
        f" insert into {table} select * from other"
    )
    assert built.value(rows) == 2 * expected
    built.dbt("run", "-s", "gharchive_observed_paths")
    assert built.value(rows) == expected
