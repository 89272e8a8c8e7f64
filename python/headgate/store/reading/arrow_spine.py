"""A spine that comes as Arrow: only keys and instants go to the database.

All other columns come back as they were given, in type, value and name, whatever PostgreSQL would have made
of them.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from headgate.errors import HeadgateError, UsageError
from headgate.store.reading.arrow_types import bare, require_years
from headgate.store.reading.catalog import PublishedView, key_columns
from headgate.store.reading.spine import SpineRows, chosen_instant, require_free_names, require_keys
from headgate.store.views import quoted

#: The name of a relation (`schema.name`), or rows as Arrow: pyarrow, pandas, Polars, DuckDB and others.
Spine: TypeAlias = "str | pa.Table | pa.RecordBatch | pa.RecordBatchReader | Any"
SUBJECT = "in Arrow"
#: The temporary table, and its columns beside the keys.
TEMPORARY = "headgate_spine"
PLACE = "headgate_place"
INSTANT = "headgate_instant"
MICROSECONDS = pa.timestamp("us", "UTC")


class ArrowSpine:
    """Rows in memory or in a stream. A stream is kept on disk from its first pass on; `close` removes it.

    Args:
        given: the rows.
        views: the feature views that are going to be joined.
        instant: the column with the instants; None: the only one that can be meant.

    Raises:
        UsageError: these are no rows, a name is missing or stands twice, a key column is missing or of
            another type, or the instant is unclear.
    """

    def __init__(self, given: Any, views: tuple[PublishedView, ...], instant: str | None) -> None:
        self._given = _as_arrow(given)
        self.schema: pa.Schema = self._given.schema.remove_metadata()
        _require_names(self.schema)
        require_free_names(SUBJECT, self.schema.names, views)
        self._keys = _keys(self.schema, views)
        instants = [
            field.name
            for field in self.schema
            if pa.types.is_timestamp(kind := _value_type(field.type)) and kind.tz
        ]
        self.instant = chosen_instant(SUBJECT, instants, tuple(self._keys), instant)
        self._folder = contextlib.ExitStack()
        self._rows = self._given if isinstance(self._given, pa.Table) else None
        self._told = 0
        #: What was wrong with a row; the driver that reads them would tell it as a fault of the stream.
        self.error: HeadgateError | None = None

    def ingestible(self) -> pa.RecordBatchReader:
        """Keys, instants and places, for the database; reads a stream to its end.

        Instants are cut to microseconds, never rounded up.
        """
        fields = [*self._keys.items(), (INSTANT, MICROSECONDS), (PLACE, pa.int64())]
        schema = pa.schema(fields)
        return pa.RecordBatchReader.from_batches(schema, self._narrowed(schema))

    def described(self) -> SpineRows:
        """The temporary table that holds what `ingestible` gave."""
        lookup = (*map(quoted, self._keys), quoted(INSTANT))
        return SpineRows(quoted(TEMPORARY), {}, self.instant, INSTANT, (quoted(PLACE),), lookup)

    def next_rows(self, count: int) -> list[pa.Array]:
        """The columns of the next rows, as they were given."""
        assert self._rows is not None
        rows = self._rows.slice(self._told, count).combine_chunks()
        self._told += count
        return [_one_array(column) for column in rows.columns]

    def close(self) -> None:
        """Removes what was kept of a stream."""
        self._rows = None
        self._folder.close()

    def _narrowed(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        place = 0
        for batch in self._batches():
            places = pa.array(range(place, place + batch.num_rows), pa.int64())
            place += batch.num_rows
            try:
                keys = [_cast(name, batch[name], kind) for name, kind in self._keys.items()]
                instants = _instants(self.instant, batch[self.instant])
            except HeadgateError as error:
                self.error = error
                raise
            yield pa.RecordBatch.from_arrays([*keys, instants, places], schema=schema)

    def _batches(self) -> Iterator[pa.RecordBatch]:
        if isinstance(self._given, pa.Table):
            yield from self._given.to_batches()
            return
        path = Path(self._folder.enter_context(tempfile.TemporaryDirectory())) / "spine.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, self.schema) as kept:
            for batch in self._given:
                kept.write_batch(batch.replace_schema_metadata(None))
                yield batch
        self._rows = pa.ipc.open_file(self._folder.enter_context(pa.memory_map(str(path)))).read_all()


def _as_arrow(given: Any) -> pa.Table | pa.RecordBatchReader:
    if isinstance(given, pa.Table | pa.RecordBatchReader):
        return given
    if isinstance(given, pa.RecordBatch):
        return pa.Table.from_batches([given])
    if not hasattr(given, "__arrow_c_stream__"):
        raise UsageError(
            "spine",
            expected="schema.name of a relation, or rows as Arrow: pyarrow, pandas, Polars and others",
            found=f"a Python {type(given).__name__}",
            next_step="make a table of it, for instance pyarrow.Table.from_pylist(rows)",
        )
    try:
        return pa.RecordBatchReader.from_stream(given)
    except (pa.ArrowException, ValueError, TypeError) as error:
        raise UsageError(
            f"spine of type {type(given).__name__}",
            expected="columns of one type each, every name once",
            found=f"{_odd_columns(given)} ({type(error).__name__})",
            next_step="give each column one type, then ask again",
        ) from error


def _odd_columns(frame: Any) -> str:
    """The columns of a pandas frame that Arrow cannot hold: names, never values."""
    odd = []
    for place, name in enumerate(getattr(frame, "columns", [])):
        try:
            pa.array(frame.iloc[:, place], from_pandas=True)
        except (pa.ArrowException, ValueError, TypeError, AttributeError):
            odd.append(str(name))
    return f"mixed values in {', '.join(odd)}" if odd else "others"


def _require_names(schema: pa.Schema) -> None:
    twice = [name for name, times in Counter(schema.names).items() if times > 1]
    if twice or "" in schema.names:
        raise UsageError(
            f"spine {SUBJECT}",
            expected="a name for each column, each once",
            found=f"several columns {', '.join(map(repr, twice))}" if twice else "a column without a name",
            next_step="rename the column",
        )


def _keys(schema: pa.Schema, views: tuple[PublishedView, ...]) -> dict[str, pa.DataType]:
    """The key columns, and the Arrow type in which the database takes them."""
    expected = dict(key_columns(views))
    kinds = {
        field.name: _postgres_type(field.type, expected.get(field.name)) or str(field.type)
        for field in schema
    }
    names = require_keys(SUBJECT, kinds, views)
    return {name: _ingested(kinds[name], _value_type(schema.field(name).type)) for name in names}


def _ingested(kind: str, values: pa.DataType) -> pa.DataType:
    """The Arrow type in which the database takes values for a PostgreSQL type."""
    if bare(kind) == "numeric" and pa.types.is_integer(values):
        return pa.decimal128(20, 0)
    return {"bigint": pa.int64(), "text": pa.string(), "date": pa.date32()}.get(kind, values)


def _value_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values that an encoding holds."""
    is_encoded = pa.types.is_dictionary(kind) or pa.types.is_run_end_encoded(kind)
    return _value_type(kind.value_type) if is_encoded else kind


def _values(column: pa.Array) -> pa.Array:
    """A column without an encoding of its values."""
    if pa.types.is_run_end_encoded(column.type):
        return _values(pc.run_end_decode(column))
    if not pa.types.is_dictionary(column.type):
        return column
    values = _values(column.dictionary)
    # Arrow takes no values out of a view by their places; Polars has its categories in one.
    return (values.cast(pa.string()) if pa.types.is_string_view(values.type) else values).take(column.indices)


def _postgres_type(kind: pa.DataType, expected: str | None) -> str | None:
    """The PostgreSQL type that a key's Arrow type stands for; None when it is another than expected."""
    values = _value_type(kind)
    if bare(expected or "") == "numeric" and (pa.types.is_decimal(values) or pa.types.is_integer(values)):
        return expected
    if pa.types.is_integer(values):
        return "bigint"
    if pa.types.is_string(values) or pa.types.is_large_string(values) or pa.types.is_string_view(values):
        return "text"
    others = {"boolean": pa.types.is_boolean, "date": pa.types.is_date, "uuid": _is_uuid}
    fits = others.get(expected or "")
    return expected if fits is not None and fits(values) else None


def _is_uuid(kind: pa.DataType) -> bool:
    return bool(kind == pa.uuid())


def _cast(name: str, column: pa.Array, kind: pa.DataType) -> pa.Array:
    try:
        values = _values(column)
        taken = values if values.type == kind else values.cast(kind)
    except pa.ArrowInvalid as error:
        raise _unfit_key(name, f"values for {kind}", "one out of its range") from error
    if pa.types.is_date(kind):
        require_years(name, taken)
    if pa.types.is_string(kind) and pc.any(pc.match_substring(taken, "\0")).as_py():
        raise _unfit_key(name, "texts that PostgreSQL can hold", "one with the character NUL")
    return taken


def _unfit_key(name: str, expected: str, found: str) -> UsageError:
    return UsageError(
        f"spine {SUBJECT}, key column {name}",
        expected=expected,
        found=found,
        next_step="no entity has such a key: leave these rows out",
    )


def _instants(name: str, column: pa.Array) -> pa.Array:
    column = _values(column)
    require_years(name, column)
    if column.type.unit == "ns":
        column = pc.floor_temporal(column.cast(pa.timestamp("ns", "UTC")), unit="microsecond")
    return column.cast(MICROSECONDS, safe=False)


def _one_array(column: pa.ChunkedArray) -> pa.Array:
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()
