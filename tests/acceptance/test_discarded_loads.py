"""A discarded hour leaves every layer, as if it had never come; restored, it is back as it was."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from tests.acceptance.hours import GOOD_TRAPS, generated, hours_from
from tests.acceptance.runs import WITH_GATES, WITHOUT_GATES, build
from tests.acceptance.tables import Fingerprint, differences, table_fingerprints
from tests.support import Database, Databases

pytestmark = [
    pytest.mark.parametrize("server", ["system"], indirect=True),
    pytest.mark.slow,
]

HOURS = hours_from("2016-03-01T04", 5)
#: One in the middle, whose events others deliver too, and the last one: features reach less far then.
MIDDLE, LAST = HOURS[2], HOURS[4]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Hours with duplicates across them."""
    return list(generated(tmp_path_factory.mktemp("hours"), HOURS, traps=GOOD_TRAPS))


@pytest.fixture(scope="module")
def built(module_database: Database, files: list[Path]) -> Database:
    """All hours behind all gates, published."""
    build(module_database, files, gates=True)
    module_database.headgate("publish")
    return module_database


def without(databases: Databases, files: list[Path], hour: datetime) -> dict[str, Fingerprint]:
    """What a database holds in which an hour never landed."""
    with databases.new() as database:
        build(database, [file for file in files if file.name != f"{hour:%Y-%m-%d-}{hour.hour}.json.gz"])
        return table_fingerprints(database)


def load_of(database: Database, hour: datetime) -> str:
    """The number of the load of an hour."""
    return str(database.value("select load_id from ops.loads where partition_start = %s", hour))


def decide(database: Database, verb: str, hour: datetime) -> None:
    """Discards or restores an hour."""
    database.headgate("loads", verb, load_of(database, hour), "--reason", "a test", "--yes")


@pytest.mark.parametrize("hour", [MIDDLE, LAST], ids=["middle", "last"])
def test_discarded_is_as_if_it_never_came(
    built: Database, databases: Databases, files: list[Path], hour: datetime
) -> None:
    """Every row of every layer is that of a database without the hour, and with it again after a restore."""
    before = table_fingerprints(built)
    earlier = "select count(*), min(ctid::text || xmin) from features.{} where as_of <= %s"
    untouched = [
        built.query(earlier.format(view), hour) for view in ("actor_activity", "repository_activity")
    ]
    decide(built, "discard", hour)
    built.dbt(*(WITH_GATES if hour is LAST else WITHOUT_GATES))
    assert differences(without(databases, files, hour), table_fingerprints(built)) == {}
    assert untouched == [
        built.query(earlier.format(view), hour) for view in ("actor_activity", "repository_activity")
    ]
    account = built.query(
        "select rows_landed, typed_count, quarantined_count, duplicates_count, discarded_count"
        " from typed.stg_gharchive__load_outcomes where partition_start = %s",
        hour,
    )
    landed = account[0][0]
    assert account == [(landed, 0, 0, 0, landed)]
    assert built.value(
        "select count(*) from staging_gharchive.events where load_id = %s", load_of(built, hour)
    )
    decide(built, "restore", hour)
    built.dbt(*WITH_GATES)
    assert differences(before, table_fingerprints(built)) == {}


def test_a_release_follows(built: Database, files: list[Path]) -> None:
    """Nothing is published before a build, the file does not land again, and the next release leaves it."""
    load = int(load_of(built, LAST))
    decide(built, "discard", LAST)
    refused = built.headgate("publish", exit_code=1)
    assert "older than its data" in refused.stderr
    said = built.headgate("land", "gharchive", files[-1])
    assert "was discarded, nothing landed" in said.stdout
    assert f"headgate loads restore {load}" in said.stdout
    built.dbt(*WITH_GATES)
    built.headgate("publish")
    removed, reach = built.query(
        "select loads_removed, processed_to from ops.releases order by release_id desc limit 1"
    )[0]
    assert removed == [load]
    assert reach == LAST
    assert "Releases that hold it: 1; they stay" in built.headgate("loads", "show", str(load)).stdout
