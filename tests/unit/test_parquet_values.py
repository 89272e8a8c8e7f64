"""Values of Parquet land exactly, as text where JSON has no form, or cost their record alone."""

from __future__ import annotations

import datetime as dt
import decimal
import json
import uuid
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from headgate.errors import HeadgateError
from tests.reading import Read, read_file

NEW_YORK = "America/New_York"
YEAR_10000_US = 253_402_300_800_000_000


def stamp(value: int, unit: str = "us", zone: str | None = None) -> pa.Array:
    """An instant by its number."""
    return pa.array([value], pa.timestamp(unit, zone))


#: A column of one value, and the JSON that lands.
TOLD: dict[str, tuple[pa.Array, str]] = {
    "not a number": (pa.array([float("nan")]), '"NaN"'),
    "infinity": (pa.array([float("inf")]), '"Infinity"'),
    "minus infinity, short": (pa.array([float("-inf")], pa.float32()), '"-Infinity"'),
    "half": (pa.array([0.5]).cast(pa.float16()), "0.5"),
    "infinity in a list": (pa.array([[1.5, float("inf")]]), '[1.5,"Infinity"]'),
    "not a number in an object": (pa.array([{"a": [float("nan")]}]), '{"a":["NaN"]}'),
    "nanoseconds": (stamp(1735689600123456789, "ns"), '"2025-01-01T00:00:00.123456789Z"'),
    "microseconds": (stamp(1735689600500000), '"2025-01-01T00:00:00.500000Z"'),
    "before 1970": (stamp(-1, "ns"), '"1969-12-31T23:59:59.999999999Z"'),
    "year 1 elsewhere": (stamp(-62135578800000000, "us", NEW_YORK), '"0001-01-01T05:00:00Z"'),
    "year 10000": (stamp(YEAR_10000_US), '"10000-01-01T00:00:00Z"'),
    "before Christ": (stamp(-62135596800000001), '"0001-12-31T23:59:59.999999Z BC"'),
    "day": (pa.array([dt.date(2026, 1, 2)]), '"2026-01-02"'),
    "day in year 10001": (pa.array([2932897 + 400], pa.date32()), '"10001-02-04"'),
    "day before Christ": (pa.array([-719163], pa.date32()), '"0001-12-31 BC"'),
    "day in milliseconds": (pa.array([86_400_000], pa.date64()), '"1970-01-02"'),
    "time in nanoseconds": (pa.array([1], pa.time64("ns")), '"00:00:00.000000001"'),
    "time in seconds": (pa.array([3661], pa.time32("s")), '"01:01:01"'),
    "duration in nanoseconds": (pa.array([1_500_000_001], pa.duration("ns")), "1.500000001"),
    "duration in seconds": (pa.array([-90], pa.duration("s")), "-90"),
    "duration of a day": (pa.array([86_400_000], pa.duration("ms")), "86400"),
    "decimal": (pa.array([decimal.Decimal("1.10")], pa.decimal128(38, 2)), "1.10"),
    "long decimal": (pa.array([decimal.Decimal("1" * 60 + ".1")], pa.decimal256(76, 1)), "1" * 60 + ".1"),
    "largest whole number": (pa.array([2**64 - 1], pa.uint64()), str(2**64 - 1)),
    "bytes": (pa.array([b"\x00\xff"]), '"AP8="'),
    "view of bytes": (pa.array([b"\x00\xff"], pa.binary_view()), '"AP8="'),
    "views of bytes in a list": (pa.array([[b"\x00", None]], pa.list_(pa.binary_view())), '["AA==",null]'),
    "view of a list": (pa.array([[decimal.Decimal("1.10")]], pa.list_view(pa.decimal128(5, 2))), "[1.10]"),
    "large view of a list": (pa.array([[float("inf")]], pa.large_list_view(pa.float64())), '["Infinity"]'),
    "uuid": (pa.array([uuid.UUID(int=1).bytes], pa.uuid()), '"00000000-0000-0000-0000-000000000001"'),
    "truth value in a byte": (pa.ExtensionArray.from_storage(pa.bool8(), pa.array([1], pa.int8())), "true"),
    "dictionary": (pa.array(["a"]).dictionary_encode(), '"a"'),
    "map": (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), '{"a":1}'),
    "map of days": (pa.array([[(0, 1.5)]], pa.map_(pa.date32(), pa.float64())), '{"1970-01-01":1.5}'),
    "map of decimals": (
        pa.array([[(decimal.Decimal("1.50"), 1)]], pa.map_(pa.decimal128(5, 2), pa.int64())),
        '{"1.50":1}',
    ),
    "map of bytes": (pa.array([[(b"\x00", 1)]], pa.map_(pa.binary(), pa.int64())), '{"AA==":1}'),
    "map of truth values": (pa.array([[(True, None)]], pa.map_(pa.bool_(), pa.int64())), '{"true":null}'),
    "nothing": (pa.nulls(1), "null"),
    "no object": (pa.array([None], pa.struct([("a", pa.int64())])), "null"),
}


@pytest.mark.parametrize("name", TOLD)
def test_values_land_exactly(tmp_path: Path, name: str) -> None:
    """As numbers where JSON has them, else as text that loses nothing."""
    column, expected = TOLD[name]
    found = read_parquet(tmp_path, pa.concat_arrays([column, pa.nulls(1, column.type)]))
    assert [text.split('"v":')[1][:-1] for text in found.texts] == [expected, "null"]


INVALID = pa.Array.from_buffers(
    pa.string(), 1, [None, pa.array([0, 2], pa.int32()).buffers()[1], pa.py_buffer(b"\xff\xfe")]
)
#: A column whose first value cannot be told, and why.
UNTOLD: dict[str, tuple[pa.Array, str]] = {
    "map with a key twice": (
        pa.array([[("a", 1), ("a", 2)]], pa.map_(pa.string(), pa.int64())),
        "column v: a map that has a key twice",
    ),
    "map with a key twice in a list": (
        pa.array([[[(1, 1), (1, 2)]]], pa.list_(pa.map_(pa.int64(), pa.int64()))),
        "column v: a map that has a key twice",
    ),
    "text that is none": (INVALID, "column v: text that is not UTF-8"),
    "map of objects": (
        pa.array([[({"a": 1}, 1)]], pa.map_(pa.struct([("a", pa.int64())]), pa.int64())),
        "column v: a map whose keys are no text",
    ),
}


@pytest.mark.parametrize("name", UNTOLD)
def test_what_cannot_be_told_costs_its_record(tmp_path: Path, name: str) -> None:
    """The reject says column and reason; the rest of the file lands."""
    column, reason = UNTOLD[name]
    found = read_parquet(tmp_path, pa.concat_arrays([column, pa.nulls(1, column.type)]))
    assert found.records == [{"id": 2, "v": None}]
    assert found.reasons == {reason: 1}


def test_days_of_a_time_column_are_midnights(tmp_path: Path) -> None:
    """Also those that PostgreSQL's contract does not take."""
    days = pa.array([dt.date(2026, 1, 2), None], pa.date32())
    found = read_parquet(tmp_path, days, types={"id": "integer", "v": "timestamp"})
    assert [record["v"] for record in found.records] == ["2026-01-02T00:00:00Z", None]
    old = read_parquet(
        tmp_path, pa.array([-719163, 0], pa.date32()), types={"id": "integer", "v": "timestamp"}
    )
    assert old.records[0]["v"] == "0001-12-31T00:00:00Z BC"


def test_times_in_int96_are_those_that_were_written(tmp_path: Path) -> None:
    """Spark's and Impala's way: Arrow's nanoseconds make year 1 to 1754, and 9999 to 1816, without a word."""
    first, last, usual = -62135596800 * 10**6, 253402300799 * 10**6, 1767225600 * 10**6 + 1
    column = pa.array([first, last, usual, None] * 300, pa.timestamp("us"))
    table = pa.table({"id": range(1200), "v": column, "w": pa.StructArray.from_arrays([column], ["t"])})
    pyarrow.parquet.write_table(
        table, tmp_path / "a.parquet", use_deprecated_int96_timestamps=True, row_group_size=700
    )
    found = read_file(tmp_path / "a.parquet").records
    told = ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "2026-01-01T00:00:00.000001Z", None] * 300
    assert [record["v"] for record in found] == [record["w"]["t"] for record in found] == told

    fine = pa.table({"v": pa.array([1767225600123456789], pa.timestamp("ns"))})
    pyarrow.parquet.write_table(fine, tmp_path / "b.parquet", use_deprecated_int96_timestamps=True)
    assert read_file(tmp_path / "b.parquet").records == [{"v": "2026-01-01T00:00:00.123456789Z"}]


def test_columns_of_one_name_are_refused(tmp_path: Path) -> None:
    """Which of two would land nobody can say."""
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["id", "id"])
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(HeadgateError, match="a name twice"):
        read_file(tmp_path / "a.parquet")


def read_parquet(folder: Path, column: pa.Array, types: dict[str, Any] | None = None) -> Read:
    """What lands of a file with this column, and an id from 1."""
    table = pa.table({"id": list(range(1, len(column) + 1)), "v": column})
    pyarrow.parquet.write_table(table, folder / "a.parquet")
    found = read_file(folder / "a.parquet", types=types)
    assert all(json.loads(text) for text in found.texts)
    return found
