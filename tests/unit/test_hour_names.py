"""What files of hours are called, in UTC and in local time, and which hours they cover."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headgate.errors import UsageError
from headgate.settings import load_settings
from headgate.sources.hour_names import HOUR, HourNames, LocalNames
from headgate.sources.hours import deliveries_of
from headgate_github.archive import GHARCHIVE, file_name, is_covered, partition_of


def utc(text: str) -> datetime:
    """An hour, UTC, written like 2016-01-01T01."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "extent"),
    [
        ("2011-02-12-0", "2011-02-12T00/2011-02-12T01"),
        ("2012-03-10-21", "2012-03-10T21/2012-03-10T22"),
        ("2012-03-10-22", "2012-03-11T06/2012-03-11T07"),
        ("2012-03-11-1", "2012-03-11T09/2012-03-11T10"),
        ("2012-03-11-3", "2012-03-11T10/2012-03-11T11"),
        ("2013-02-15-0", "2013-02-15T08/2013-02-15T09"),
        ("2013-07-15-0", "2013-07-15T07/2013-07-15T08"),
        ("2013-11-03-0", "2013-11-03T07/2013-11-03T08"),
        ("2013-11-03-1", "2013-11-03T08/2013-11-03T10"),
        ("2013-11-03-2", "2013-11-03T10/2013-11-03T11"),
        ("2014-12-31-15", "2014-12-31T23/2015-01-01T00"),
        ("2014-12-31-23", "2015-01-01T07/2015-01-01T08"),
        ("2015-01-01-0", "2015-01-01T00/2015-01-01T01"),
        ("2016-01-01", "2016-01-01T00/2016-01-02T00"),
        ("2012-10-15", "2012-10-15T07/2012-10-16T07"),
        ("2013-11-03", "2013-11-03T07/2013-11-04T08"),
        ("2013-03-10", "2013-03-10T08/2013-03-11T07"),
        ("2012-03-10", "2012-03-10T00/2012-03-11T08"),
        ("2014-12-31", "2014-12-31T08/2015-01-01T00"),
        ("2012-03-11-2", None),
        ("2013-03-10-2", None),
        ("2013-02-30-1", None),
        ("2013-02-15-24", None),
    ],
)
def test_names_of_the_archive(name: str, extent: str | None) -> None:
    """A name covers the hours of UTC in which clocks showed it; one that they skipped covers none."""
    found = partition_of(f"{name}.json.gz")
    assert (found.extent if found else None) == extent


def test_every_hour_is_in_the_file_that_it_is_looked_for_in() -> None:
    """Each hour has one file, whose partition holds it; only the change of names leaves a gap."""
    starts = (
        "2011-02-12",
        "2012-03-09",
        "2012-11-03",
        "2013-03-09",
        "2013-11-02",
        "2014-03-08",
        "2014-12-30",
    )
    hours = [utc(start) + HOUR * number for start in starts for number in range(24 * 4)]
    gap = [hour for hour in hours if not is_covered(hour)]
    assert gap == [utc("2012-03-10T22") + HOUR * number for number in range(8)]
    for hour in set(hours) - set(gap):
        partition = partition_of(file_name(hour))
        assert partition is not None
        assert partition.start <= hour < partition.end


def test_a_range_has_each_file_once() -> None:
    """Two hours in one file are one delivery, whichever of them is asked for."""
    settings = load_settings()
    night = [utc("2013-11-03T07") + HOUR * number for number in range(4)]
    found = deliveries_of(GHARCHIVE, settings, night)
    assert [delivery.uri.rpartition("/")[2] for delivery in found] == [
        "2013-11-03-0.json.gz",
        "2013-11-03-1.json.gz",
        "2013-11-03-2.json.gz",
    ]
    assert (
        deliveries_of(GHARCHIVE, settings, [night[1]])
        == deliveries_of(GHARCHIVE, settings, [night[2]])
        == found[1:2]
    )


def test_hours_without_a_file_are_left_out_of_a_range() -> None:
    """A range over the change of names lands what there is; one within it is refused."""
    settings = load_settings()
    hours = [utc("2012-03-10T21") + HOUR * number for number in range(10)]
    assert len(deliveries_of(GHARCHIVE, settings, hours)) == 2
    assert not GHARCHIVE.is_published(settings, hours[1])
    with pytest.raises(UsageError, match="names change"):
        deliveries_of(GHARCHIVE, settings, hours[1:3])


@pytest.mark.parametrize(
    ("name", "created_at", "start"),
    [
        ("2012-03-05-10", "2012/03/05 10:20:00 -0800", "2012-03-05T18"),
        ("2012-03-05-10", "2012-03-05T10:20:00Z", "2012-03-05T10"),
        ("2012-03-10-23", "2012-03-10T23:20:00Z", "2012-03-10T23"),
        ("2012-03-11-2", "2012-03-11T02:20:00Z", "2012-03-11T02"),
        ("2012-03-11-3", "2012/03/11 03:20:00 -0700", "2012-03-11T10"),
        ("2012-03-11-3", "not a time", "2012-03-11T10"),
        ("2012-03-11-3", None, "2012-03-11T10"),
        ("2012-02-29-23", "2012-03-05T10:20:00Z", "2012-02-29T23"),
    ],
)
def test_in_doubt_a_file_is_looked_into(
    tmp_path: Path, name: str, created_at: str | None, start: str
) -> None:
    """In March 2012, when names changed, the first record says whether a name is in UTC or Pacific time."""
    file = tmp_path / f"{name}.json.gz"
    lines = "" if created_at is None else json.dumps({"created_at": created_at}) * 2
    file.write_bytes(gzip.compress(lines.encode()))
    delivery = GHARCHIVE.delivery(file)
    assert delivery.extent.start == utc(start)
    assert delivery.extent.end - delivery.extent.start == HOUR


def test_a_file_in_doubt_that_cannot_be_read_has_the_extent_of_its_name(tmp_path: Path) -> None:
    """What is no gzip, cut off or not there fails when it is landed, not when it is named."""
    broken = tmp_path / "2012-03-10-23.json.gz"
    for content in (b"", b"\x1f\x8b\x08", b"<html>", gzip.compress(b'{"created_at"' * 90)[:-9]):
        broken.write_bytes(content)
        assert GHARCHIVE.delivery(broken).extent.start == utc("2012-03-11T07")
    broken.unlink()
    assert GHARCHIVE.delivery(broken).extent.start == utc("2012-03-11T07")


@pytest.mark.parametrize("timezone", ["Europe/Berlin", "Asia/Tokyo", "America/Sao_Paulo", "Pacific/Auckland"])
def test_any_zone_of_full_hours(timezone: str) -> None:
    """Inside a period each hour is in the file of its name, west and east of UTC."""
    names = HourNames((LocalNames(timezone, since="2010-01-01T00", until="2020-01-01T00"),))
    for number in range(0, 24 * 370, 3):
        hour = utc("2012-01-01T00") + HOUR * number
        name = names.name(hour)
        assert name is not None
        partition = names.partition(name)
        assert partition is not None
        assert partition.start <= hour < partition.end
        assert partition.end - partition.start in (HOUR, 2 * HOUR)
    for number in range(370):
        day = names.day(datetime.fromisoformat("2012-01-01") + timedelta(days=number))
        assert day.end - day.start in (23 * HOUR, 24 * HOUR, 25 * HOUR)
