"""The numbers that a model takes are the same in training and in serving."""

from __future__ import annotations

import json
import math
import struct
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import UsageError
from headgate.model import encoding
from headgate.model.signature import Input
from tests.examples import examples

INPUTS = tuple(
    Input(name=kind.replace(" ", "_"), type=kind, nullable=True)
    for kind in ("bigint", "double precision", "real", "numeric", "boolean", "text", "uuid")
)
UUIDS = [UUID(int=number) for number in range(4)]
CATEGORIES = {"text": ["", "Ada", "ada", "ß"], "uuid": [str(found) for found in UUIDS[:3]]}
SCHEMA = pa.schema(
    [
        ("bigint", pa.int64()),
        ("double_precision", pa.float64()),
        ("real", pa.float32()),
        ("numeric", pa.decimal128(38, 18)),
        ("boolean", pa.bool_()),
        ("text", pa.string()),
        ("uuid", pa.string()),
    ]
)
ROWS = st.fixed_dictionaries(
    {
        "bigint": st.none() | st.integers(-(2**63), 2**63 - 1),
        "double_precision": st.none() | st.floats(allow_nan=False),
        "real": st.none() | st.floats(allow_nan=False, width=32),
        "numeric": st.none() | st.decimals(-(10**18), 10**18, places=18),
        "boolean": st.none() | st.booleans(),
        "text": st.none() | st.sampled_from([*CATEGORIES["text"], "unknown"]),
        "uuid": st.none() | st.sampled_from(UUIDS),
    }
)


def bits(values: Any) -> list[bytes]:
    """The bytes of doubles; of NaN the same ones always."""
    return [struct.pack("d", math.nan if math.isnan(value) else value) for value in values]


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(ROWS, min_size=1, max_size=5))
def test_training_and_serving_encode_alike(rows: list[dict[str, Any]]) -> None:
    """The same bits from a dataset's columns, from the feature store's values, and from JSON."""
    encoder = encoding.Encoder(INPUTS, CATEGORIES)
    texts = [{**row, "uuid": None if row["uuid"] is None else str(row["uuid"])} for row in rows]
    matrix = encoding.table(pa.Table.from_pylist(texts, SCHEMA), INPUTS, CATEGORIES)
    for row, text, encoded in zip(rows, texts, matrix, strict=True):
        assert bits(encoder.row(row)) == bits(encoded)
        plain = {name: value for name, value in text.items() if name != "numeric"}
        if all(not isinstance(value, float) or math.isfinite(value) for value in plain.values()):
            from_json = {**json.loads(json.dumps(plain)), "numeric": row["numeric"]}
            assert bits(encoder.row(from_json)) == bits(encoded)


def test_null_and_unknown_categories_are_nan_and_the_order_is_the_signatures() -> None:
    """A text is the place of its category; what is missing or never seen is not a number."""
    inputs = (Input(name="b", type="text", nullable=True), Input(name="a", type="boolean", nullable=True))
    encoder = encoding.Encoder(inputs, {"b": ["x", "y"]})
    assert encoder.row({"a": True, "b": "y"}) == [1.0, 1.0]
    assert all(math.isnan(value) for value in encoder.row({"a": None, "b": "z"}))
    table = pa.table({"a": [True, None], "c": [1, 2], "b": ["y", "z"]})
    assert np.array_equal(
        encoding.table(table, inputs, {"b": ["x", "y"]}), [[1.0, 1.0], [np.nan, np.nan]], equal_nan=True
    )


def test_a_single_is_rounded_as_the_database_rounds_it() -> None:
    """A request's 0.1 for a `real` is the 0.1 that the dataset holds, and too large a number is infinite."""
    encoder = encoding.Encoder((Input(name="r", type="real", nullable=True),), {})
    assert encoder.row({"r": 0.1}) == [float(np.float32(0.1))] != [0.1]
    assert encoder.row({"r": -1e300}) == [-math.inf]
    assert encoder.row({"r": Decimal("2.5")}) == [2.5]


def test_categories_are_sorted_and_the_frequent_ones_kept() -> None:
    """Ties go to what comes first in the alphabet, so that two trainings agree."""
    column = pa.chunked_array([["b", None, "c"], ["a", "c"]])
    assert encoding.categories_of(column) == ["a", "b", "c"]
    assert encoding.categories_of(column, most=2) == ["a", "c"]


@pytest.mark.parametrize(
    ("kind", "found"), [("timestamp with time zone", "timestamp with time zone"), ("text", "none")]
)
def test_what_no_model_takes_is_refused_by_name(kind: str, found: str) -> None:
    """Instants, and texts whose categories were not kept."""
    with pytest.raises(UsageError, match=rf"input opened.*found {found}"):
        encoding.Encoder((Input(name="opened", type=kind, nullable=True),), {})
