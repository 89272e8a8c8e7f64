"""A gate that fails stops what is downstream of it, keeps its rows, and fails again until it has its way."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from headgate_github.synth import generate_hour
from tests.acceptance.hours import generated, hours_from
from tests.acceptance.runs import WITH_GATES, build
from tests.acceptance.tables import table_fingerprints
from tests.support import Database

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("server", ["system"], indirect=True),
]

HOURS = hours_from("2016-03-01T04", 5)
VOLUME = "assert_volume_is_in_line_with_the_recent_past"
RECOUNT = "repository_activity_equals_a_recount"
RAW = "assert_activity_equals_its_raw_events"


@pytest.fixture(scope="module")
def built(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """Three hours that passed all gates."""
    build(module_database, generated(tmp_path_factory.mktemp("hours"), HOURS[:3]), gates=True)
    return module_database


def results(database: Database, gate: str) -> list[tuple[str, int]]:
    """What a gate said, oldest first."""
    return database.query(
        "select status, failures from ops.gate_results where gate = %s order by ran_at", gate
    )


def kept_rows(database: Database, gate: str) -> list[int]:
    """How many failing rows of a gate are kept, for each run that it failed, oldest first."""
    return [
        rows
        for (rows,) in database.query(
            "select count(failed_row) from ops.gate_results join ops.gate_failures using (run_id, gate)"
            " where gate = %s group by run_id, ran_at order by ran_at",
            gate,
        )
    ]


def built_of(database: Database, hour: datetime) -> set[str]:
    """The models that have built an hour."""
    return {
        model
        for (model,) in database.query(
            "select model from ops.built_partitions where partition_start = %s", hour
        )
    }


def features(database: Database) -> dict[str, object]:
    """Fingerprints of the feature views."""
    return {
        name: found for name, found in table_fingerprints(database).items() if name.startswith("features.")
    }


def uncertified(database: Database) -> list[tuple[str, datetime]]:
    """What was built and did not pass its gates."""
    return database.query(
        "select model, partition_start from ops.built_partitions except"
        " select model, partition_start from ops.certified_partitions"
        " join ops.built_partitions using (model, source, partition_start, version)"
    )


def test_a_half_delivered_hour(built: Database, tmp_path: Path) -> None:
    """The volume gate holds it back, run after run, until the hour is delivered whole."""
    before = features(built)
    half = generate_hour(HOURS[3], events_per_hour=8, seed=11)
    (tmp_path / half.name).write_bytes(half.content)
    built.headgate("land", "gharchive", tmp_path / half.name)
    said = built.dbt(*WITH_GATES, exit_code=1).stdout
    assert f"Gate {VOLUME} on stg_gharchive__deliveries failed: 1 row, kept in " in said
    assert f"headgate gates show {VOLUME}" in said
    held = {"gharchive_observed_paths", "stg_gharchive__quarantine", "stg_gharchive__deliveries"}
    assert built_of(built, HOURS[3]) == held
    assert features(built) == before
    built.dbt(*WITH_GATES, exit_code=1)
    assert results(built, VOLUME) == [("pass", 0), ("fail", 1), ("fail", 1)]
    assert kept_rows(built, VOLUME) == [1, 1]
    assert features(built) == before
    assert half.truth.hour in built.headgate("gates", "show", VOLUME).stdout.replace(" ", "T")
    build(built, generated(tmp_path, HOURS[3:4]), gates=True)
    assert results(built, VOLUME)[-1] == ("pass", 0)
    assert kept_rows(built, VOLUME) == [1, 1]
    assert uncertified(built) == []
    assert features(built) != before


def test_a_wrong_feature(built: Database, tmp_path: Path) -> None:
    """The recount finds a feature that is off by one, until it is put right."""
    build(built, generated(tmp_path, HOURS[4:5]))
    off = "update features.repository_activity set events_count_7d = events_count_7d {} 1 where as_of > %s"
    built.query(off.format("+"), HOURS[4])
    for _ in range(2):
        said = built.dbt("build", "--selector", "features", exit_code=1).stdout
        assert f"Gate {RECOUNT} on repository_activity failed: " in said
    assert [status for status, _ in results(built, RECOUNT)][-2:] == ["fail", "fail"]
    assert all(kept_rows(built, RECOUNT))
    assert ("repository_activity", HOURS[4]) in uncertified(built)
    built.query(off.format("-"), HOURS[4])
    built.dbt(*WITH_GATES)
    assert results(built, RECOUNT)[-1] == ("pass", 0)
    assert uncertified(built) == []


def test_wrong_activity(built: Database) -> None:
    """The recount from raw JSON finds an hourly sum that is off by one, whatever the features made of it."""
    off = "update typed.int_activity__summed_by_hour set pushes_count = pushes_count {} 1"
    built.query(off.format("+"))
    assert (
        f"Gate {RAW} on int_activity__summed_by_hour failed: "
        in built.dbt("test", "-s", RAW, exit_code=1).stdout
    )
    built.query(off.format("-"))
    built.dbt("test", "-s", RAW)


def test_a_view_that_was_not_declared_before_is_built_anew(built: Database) -> None:
    """Nothing says where its events entered, as after an upgrade; its values are the same."""
    before = features(built)
    built.query("drop table ops.entries_actor_activity")
    built.query("delete from features.actor_activity where as_of < %s", HOURS[2])
    built.dbt("run", "-s", "actor_activity")
    assert features(built) == before
    assert built.value("select count(*) from ops.entries_actor_activity") > 0
