"""Several partitions replaced at once."""

from datetime import UTC, datetime
from pathlib import Path

from headgate.landing import land_files
from headgate_github.synth import write_hours
from tests.support import Database

FIRST, LAST = datetime(2016, 1, 1, 1, tzinfo=UTC), datetime(2016, 1, 1, 4, tzinfo=UTC)


def test_two_connections_replace_their_partitions_without_waiting_for_each_other(
    database: Database, tmp_path: Path
) -> None:
    """Landers that hold the landing table while they fill their partition would never get to exchange it."""
    for folder, seed in (("first", 1), ("second", 2)):
        write_hours(tmp_path / folder, FIRST, LAST, seed=seed, events_per_hour=50, generation="events")

    first, second = (
        land_files(database.settings, "gharchive", sorted((tmp_path / folder).glob("*.gz")), connections=2)
        for folder in ("first", "second")
    )

    assert [result.status for result in first] == ["landed"] * 4
    assert [result.status for result in second] == ["replaced"] * 4
    assert (
        database.value(
            "select count(*) from pg_inherits where inhparent = 'staging_gharchive.events'::regclass"
        )
        == 4
    )
    assert max(result.seconds for result in second) < 200
