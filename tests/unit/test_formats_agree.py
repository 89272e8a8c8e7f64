"""The same records land equal from every format of files; what differs is in docs/sources.md."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow
import pyarrow.parquet
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.landing.json_layout import layout_of
from headgate.sources.loaders import Files
from tests.examples import examples
from tests.reading import read_file

#: PostgreSQL takes no NUL in text, so that landing repairs it; nor does UTF-8 hold surrogates.
TEXT = st.text(st.characters(exclude_characters="\x00", exclude_categories=("Cs",)), min_size=1, max_size=12)
TYPES: dict[str, Any] = {
    "id": "integer",
    "whole": "integer",
    "number": "number",
    "flag": "boolean",
    "text": "string",
    "list": "array",
    "object": "object",
}
RECORDS = st.lists(
    st.fixed_dictionaries(
        {
            "id": st.integers(0, 10**6),
            "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
            "number": st.none() | st.floats(allow_nan=False, allow_infinity=False).map(lambda n: n + 0.0),
            "flag": st.none() | st.booleans(),
            "text": st.none() | TEXT,
            "list": st.none() | st.lists(st.none() | TEXT, max_size=3),
            "object": st.none() | st.fixed_dictionaries({"a": TEXT, "b": st.none() | st.integers(-9, 9)}),
        }
    ),
    min_size=1,
    max_size=6,
)
SCHEMA = pyarrow.schema(
    [
        ("id", pyarrow.int64()),
        ("whole", pyarrow.int64()),
        ("number", pyarrow.float64()),
        ("flag", pyarrow.bool_()),
        ("text", pyarrow.string()),
        ("list", pyarrow.list_(pyarrow.string())),
        ("object", pyarrow.struct([("a", pyarrow.string()), ("b", pyarrow.int8())])),
    ]
)


def as_csv(records: list[dict[str, Any]], delimiter: str) -> bytes:
    """Records as rows."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(TYPES)
    writer.writerows([_field(record[name]) for name in TYPES] for record in records)
    return out.getvalue().encode()


def _field(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def as_parquet(records: list[dict[str, Any]]) -> bytes:
    """Records as a table."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records, SCHEMA), out, row_group_size=3)
    return out.getvalue()


def forms(records: list[dict[str, Any]]) -> dict[str, bytes]:
    """File names, and the records in that form."""
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
    return {
        "lines.jsonl": lines.encode(),
        "lines.utf16.jsonl": lines.encode("utf-16"),
        "array.json": json.dumps(records).encode(),
        "pretty.json": "\n".join(json.dumps(record, indent=2) for record in records).encode(),
        "wrapped.json": json.dumps({"page": 1, "data": records}).encode(),
        "commas.csv": as_csv(records, ","),
        "tabs.tsv": as_csv(records, "\t"),
        "table.parquet": as_parquet(records),
    }


@settings(deadline=None, max_examples=examples(40))
@given(RECORDS)
def test_records_land_equal_from_every_format(records: list[dict[str, Any]]) -> None:
    """Value by value, types included; numbers by the digits that a double has."""
    with TemporaryDirectory() as folder:
        for name, content in forms(records).items():
            file = Path(folder) / name
            file.write_bytes(content)
            found = read_file(file, types=TYPES)
            assert found.records == records, name
            assert not found.rejects, name


@settings(deadline=None, max_examples=examples(20))
@given(RECORDS)
def test_delimiters_that_are_found_cut_no_field(records: list[dict[str, Any]]) -> None:
    """Whatever stands in fields: what is found reads the same as what is declared."""
    with TemporaryDirectory() as folder:
        for delimiter in ",;\t|":
            file = Path(folder) / "a.csv"
            file.write_bytes(as_csv(records, delimiter))
            assert (
                read_file(file, types=TYPES).records
                == read_file(file, Files(delimiter=delimiter), TYPES).records
            )


@given(RECORDS, st.integers(1, 400))
def test_the_layout_shows_in_any_beginning(records: list[dict[str, Any]], size: int) -> None:
    """Lines are never taken for anything else once the first one is there."""
    lines = "".join(json.dumps(record) + "\n" for record in records).encode()
    first = lines.index(b"\n") + 1
    assert layout_of(lines[: first + size]) == "lines"
