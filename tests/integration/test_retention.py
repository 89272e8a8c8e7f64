"""Records that are older than their source keeps them: raw and typed ones go, what was made of them stays."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from headgate.decisions import retention
from headgate.errors import UsageError
from headgate.postgres import schema
from headgate.postgres.working import with_connection
from tests.integration.landing_files import as_lines, event, write_hour
from tests.integration.test_decisions import decide, land
from tests.monitored_days import ANSWERS, BUILD, DAYS, monitored
from tests.prediction_log import NOON, answer
from tests.prediction_log import land as land_answers
from tests.small_store import first_release
from tests.support import ROOT, Database, Databases

T = TypeVar("T")
EXPIRE = ("loads", "expire")
ANSWERED = "staging_predictions.answers"
#: Answers of each of the two loads.
HALF = len(DAYS) * ANSWERS // 2
COUNTS = "select model, version, day, answers_count, p95_seconds from monitoring.model_days order by 1, 2, 3"
BUILT = (
    "select model, version from ops.built_partitions where source = 'predictions' order by 1, partition_start"
)
#: Whoever waited for the lock on the builds of a model, of which a load is outdated, finds it expired.
EXPIRES_MEANWHILE = """
    create function public.expire_meanwhile() returns trigger language plpgsql as $$ begin
        update ops.loads set expired_at = now() where source = 'predictions' and expired_at is null;
        return null;
    end $$;
    create trigger expires after insert or update on ops.locks for each row
    when (new.name = 'builds of stg_predictions__quarantine') execute function public.expire_meanwhile();
    update ops.built_partitions set upstream_version = '0'
    where model = 'stg_predictions__quarantine' and load_id = %s
"""
LABELLED = "select model, slice, slice_value, labels_count, loss from monitoring.quality order by 1, 2, 3"


def declaring(folder: Path, age: object, source: str = "gharchive", table: str = "events") -> Path:
    """A project with one source that keeps its records so long."""
    declared = {"name": source, "tables": [{"name": table, "config": {"meta": {"retention": age}}}]}
    file = folder / "models" / "staging" / source / f"_{source}__sources.yml"
    file.parent.mkdir(parents=True)
    file.write_text(json.dumps({"sources": [declared]}))
    return folder


@pytest.mark.costly
@pytest.mark.parametrize("server", ["embedded"], indirect=True)
def test_old_answers_go_and_counts_stay(databases: Databases) -> None:
    """Planned first; then raw and typed answers of the old load are gone, and nothing follows from that."""
    with databases.new(databases.template("monitored", monitored)) as database:
        before = {query: database.query(query) for query in (COUNTS, LABELLED)}
        [(load, ended), _] = database.query(
            "select load_id, partition_end from ops.loads where source = 'predictions' order by 1"
        )
        year_later = ended + timedelta(days=365, microseconds=1)

        def asked(work: Callable[..., Awaitable[T]]) -> T:
            return with_connection(database.settings, lambda c: work(c, ROOT, year_later))

        [table] = asked(retention.plan).tables
        assert (table.loads, table.records) == ((load,), answers(database, load))
        assert {"typed.stg_predictions__answers", "monitoring.model_sample"} <= set(table.typed)

        asked(retention.carry_out)
        assert answers(database, load) == 0
        assert database.value("select count(*) from typed.stg_predictions__answers") == HALF
        assert {query: database.query(query) for query in before} == before
        decided = "select action, load_id, reason from ops.decisions"
        assert database.query(decided) == [("expire load", load, "retention of 365d of predictions.answers")]
        assert not asked(retention.plan).is_needed
        assert "removed" in database.headgate("loads", "show", str(load)).stdout
        refused = database.headgate("loads", "discard", str(load), "--reason", "x", "--yes", exit_code=2)
        assert "records were removed" in refused.stderr

        built = database.query(BUILT)
        database.dbt(*BUILD)
        assert database.query(BUILT) == built
        assert {query: database.query(query) for query in before} == before

        rebuilt = ("run", "-s", "model_traffic", "--full-refresh")
        refused_build = database.dbt(*rebuilt, exit_code=1)
        assert "removed by retention" in refused_build.stdout
        assert database.query(COUNTS) == before[COUNTS]
        database.dbt(*rebuilt, "--vars", "{rebuild_without_removed_records: [model_traffic]}")
        # Views on it went with the table.
        left = "select sum(answers_count) from monitoring.model_traffic where counted_by = 'hour'"
        assert database.value(left) == HALF

        # The other load expires while it is built again: what was built of it stays.
        [(other,)] = database.query(
            "select load_id from ops.loads where source = 'predictions' and expired_at is null"
        )
        database.query(EXPIRES_MEANWHILE, other)
        refused_build = database.dbt("run", "-s", "stg_predictions__quarantine", exit_code=1)
        assert "expired while it was built" in refused_build.stdout
        database.query("drop trigger expires on ops.locks")

        # It is discarded, and expires before a build has emptied its partition.
        decide(database, "discard", other)
        with_connection(
            database.settings, lambda c: retention.carry_out(c, ROOT, datetime.max.replace(tzinfo=UTC))
        )
        database.dbt("run", "-s", "path:models/staging/predictions")
        assert database.value("select count(*) from typed.stg_predictions__answers") == 0
        outcome = "select typed_count from typed.stg_predictions__load_outcomes where load_id = %s"
        assert database.value(outcome, other) == 0


def test_old_records_are_removed_once_confirmed(database: Database) -> None:
    """The command says what would go, and ends with 4 until --yes; what is younger stays."""
    long_ago = "2024-01-01T12:00:00+00:00"
    for at in (long_ago, NOON.isoformat()):
        land_answers(database, [answer(f"at {at}", at=at)])
    database.query("update ops.loads set partition_end = '2024-01-02Z' where partition_start < '2024-01-02Z'")
    plan = json.loads(database.headgate(*EXPIRE, "--json", exit_code=4).stdout)
    [table] = [one for one in plan["tables"] if one["source"] == "predictions"]
    assert (table["records"], table["retention"], table["typed"]) == (1, "365d", [])
    assert "1 record of 1 load until 2024-01-02" in database.headgate(*EXPIRE, "--yes").stdout
    left = database.query("select record ->> 'at' from staging_predictions.answers")
    assert left == [(NOON.isoformat(),)]
    assert "nothing to do" in database.headgate(*EXPIRE).stdout
    # A version that knows no retention builds nothing of the load.
    schema.migrate(database.dsn, "0029")
    assert database.query("select status from ops.loads order by 1") == [("landed",), ("replaced",)]


def test_typed_records_stay_where_features_rest_on_them(database: Database, tmp_path: Path) -> None:
    """Raw ones go; the release holds its load, nothing is to be published, nor after the way back."""
    first_release(database)
    project = declaring(tmp_path, "30d")
    [table] = with_connection(database.settings, lambda c: retention.plan(c, project)).tables
    assert table.loads
    assert not table.typed
    with_connection(database.settings, lambda c: retention.carry_out(c, project))
    assert "Nothing to publish" in database.headgate("publish").stdout
    assert database.value("select count(*) from ops.loads where expired_at is null") == 0
    schema.migrate(database.dsn, "0029")
    assert database.query("select load_id from ops.current_loads") == [(1,)]
    schema.migrate(database.dsn)
    assert "Nothing to publish" in database.headgate("publish").stdout


def test_discarded_records_go_from_features_although_they_expired(database: Database, tmp_path: Path) -> None:
    """What was built of a discarded load is older than its data until a build empties it."""
    first_release(database)
    decide(database, "discard", 1)
    with_connection(database.settings, lambda c: retention.carry_out(c, declaring(tmp_path, "30d")))
    assert database.value("select expired_at is not null from ops.loads where load_id = 1")
    assert "older than its data" in database.headgate("publish", exit_code=1).stderr

    destroyed = schema.losses(database.dsn, schema.plan(database.dsn, "0029"))
    assert list(destroyed.values()) == [1]
    schema.migrate(database.dsn, "0029")
    assert database.query("select load_id from ops.current_loads") == [(-1,)]
    schema.migrate(database.dsn)
    assert "older than its data" in database.headgate("publish", exit_code=1).stderr


def test_an_expired_partition_lands_again_as_something_else(database: Database, tmp_path: Path) -> None:
    """The same bytes are known, unless asked for; other bytes take its place."""
    load = land(database, tmp_path, 5).load_id
    assert load is not None
    project = declaring(tmp_path, "30d")
    with_connection(database.settings, lambda c: retention.carry_out(c, project))
    assert database.query("select from staging_gharchive.events") == []
    assert land(database, tmp_path, 5).status == "unchanged"
    other = land(database, tmp_path, 6)
    assert other.status == "replaced"
    assert database.query("select load_id, count(*) from staging_gharchive.events group by 1") == [
        (other.load_id, 6)
    ]


def test_what_was_discarded_and_expired_lands_again_when_asked_for(
    database: Database, tmp_path: Path
) -> None:
    """It cannot be restored; its bytes make a load of their own, a partition's as well as an added file's."""
    hour = ("land", "gharchive", str(write_hour(tmp_path, as_lines([event(1), event(2)]))))
    database.headgate(*hour)
    (tmp_path / "answers.jsonl").write_text(json.dumps(answer("once", at=NOON.isoformat())) + "\n")
    added = ("land", "predictions", str(tmp_path / "answers.jsonl"))
    database.headgate(*added)
    for load in (1, 2):
        decide(database, "discard", load)
    assert "to take it in again: headgate loads restore 1" in database.headgate(*hour).stdout
    declaring(tmp_path, "30d")
    project = declaring(tmp_path, "30d", "predictions", "answers")
    years_later = datetime.max.replace(tzinfo=UTC)
    with_connection(database.settings, lambda c: retention.carry_out(c, project, years_later))
    refused = database.headgate("loads", "restore", "2", "--reason", "x", "--yes", exit_code=2).stderr
    assert "headgate land --again" in refused
    for command in (hour, added):
        assert "land it with --again" in database.headgate(*command).stdout
        [landed] = json.loads(database.headgate(*command, "--again", "--json").stdout)
        assert landed["status"] == "landed"
        assert "unchanged" in database.headgate(*command).stdout
    states = "select load_id, status, expired_at is null from ops.loads order by 1"
    expected = [(1, "discarded", False), (2, "discarded", False), (3, "landed", True), (4, "landed", True)]
    assert database.query(states) == expected
    assert database.query("select load_id from ops.current_loads where load_id > 0") == [(3,), (4,)]
    left = [database.value(f"select count(*) from {raw}") for raw in ("staging_gharchive.events", ANSWERED)]
    assert left == [2, 1]


@pytest.mark.parametrize("age", ["soon", 90, "0d", None])
def test_a_retention_is_a_span_of_time(age: Any, tmp_path: Path) -> None:
    """Anything else is refused, with the place."""
    with pytest.raises(UsageError, match=r"tables\.events\.config\.meta\.retention"):
        list(retention.declared(declaring(tmp_path, age)))


def answers(database: Database, load: int) -> int:
    """How many raw answers of a load there are."""
    found: int = database.value("select count(*) from staging_predictions.answers where load_id = %s", load)
    return found
