"""The spine of a training set: which entities at which instants, from a relation or from Arrow."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import pyarrow as pa

from headgate.errors import UsageError
from headgate.store.reading.catalog import PublishedView, key_columns
from headgate.store.reading.keys import INTEGERS, TEXTS
from headgate.store.views import quoted

#: The name of a relation (`schema.name`), or rows in memory or in a stream.
Spine: TypeAlias = "str | pa.Table | pa.RecordBatchReader"
INSTANT = "timestamp with time zone"
#: Types without an order.
UNORDERED = {"json", "xml", "point", "polygon", "box", "circle", "path", "line"}
#: The column that keeps the order of an Arrow spine, and the table that holds it for a while.
PLACE = "headgate_place"
TEMPORARY = "headgate_spine"


@dataclass(frozen=True)
class SpineRows:
    """A spine that the database holds."""

    #: SQL name of the relation.
    relation: str
    #: Its columns that stand in the training set, in order: name -> PostgreSQL type.
    columns: Mapping[str, str]
    instant: str
    #: Columns that the result comes ordered by.
    order: tuple[str, ...]
    #: Columns in whose order features are looked up, so that neighbours share pages.
    lookup_order: tuple[str, ...]


def relation_name(spine: str) -> str:
    """The SQL name of `schema.name`.

    Raises:
        UsageError: it is written otherwise.
    """
    parts = spine.split(".")
    if len(parts) != 2 or not all(parts):
        raise UsageError(
            f"spine {spine}",
            expected="the name of a relation as schema.name",
            found="another form",
            next_step="name it like training.pull_request_outcomes",
        )
    return ".".join(map(quoted, parts))


def spine_of_relation(
    spine: str,
    types: Mapping[str, str],
    views: tuple[PublishedView, ...],
    instant: str | None,
    place: str | None = None,
) -> SpineRows:
    """A relation as a spine.

    Args:
        spine: `schema.name`.
        types: its columns with their PostgreSQL types; none when there is no such relation.
        views: the feature views whose keys it must have.
        instant: the column with the instants; None: the only one that can be meant.
        place: a column that orders the rows and does not stand in the training set.

    Raises:
        UsageError: no such relation, a key column is missing or of another type, the instant is unclear.
    """
    if not types:
        raise UsageError(
            f"spine {spine}",
            expected="a relation that this role may read",
            found="none",
            next_step="check the name; `dbt build --selector training` builds those of the project",
        )
    columns = {name: kind for name, kind in types.items() if name != place}
    keys = _require_keys(spine, columns, views)
    instant = _instant(spine, columns, keys, instant)
    natural = [*keys, instant, *(name for name, kind in columns.items() if kind not in UNORDERED)]
    order = (place,) if place else tuple(dict.fromkeys(natural))
    return SpineRows(relation_name(spine), columns, instant, order, order)


def spine_of_temporary(
    types: Mapping[str, str], views: tuple[PublishedView, ...], instant: str | None
) -> SpineRows:
    """The temporary table that holds an Arrow spine; arguments and errors as `spine_of_relation`."""
    columns = {name: kind for name, kind in types.items() if name != PLACE}
    keys = _require_keys("in Arrow", columns, views)
    instant = _instant("in Arrow", columns, keys, instant)
    return SpineRows(quoted(TEMPORARY), columns, instant, (PLACE,), (*keys, instant))


def _require_keys(
    spine: str, columns: Mapping[str, str], views: tuple[PublishedView, ...]
) -> tuple[str, ...]:
    keys = key_columns(views)
    for name, kind in keys:
        if not any({columns.get(name), kind} <= family for family in (INTEGERS, TEXTS, {kind})):
            raise UsageError(
                f"spine {spine}",
                expected=f"the key column {name} of type {kind}",
                found=f"one of type {columns[name]}" if name in columns else f"only {', '.join(columns)}",
                next_step="name or cast the column, or read other views",
            )
    return tuple(name for name, _ in keys)


def _instant(spine: str, columns: Mapping[str, str], keys: tuple[str, ...], named: str | None) -> str:
    candidates = [name for name, kind in columns.items() if kind == INSTANT and name not in keys]
    if named in candidates or (named is None and len(candidates) == 1):
        return named or candidates[0]
    raise UsageError(
        f"spine {spine}",
        expected=f"the column {named} of type {INSTANT}" if named else f"one column of type {INSTANT}",
        found=f"of that type: {', '.join(candidates) or 'none'}",
        next_step="say which column holds the instants: instant=...",
    )


def placed(spine: pa.Table | pa.RecordBatchReader) -> pa.RecordBatchReader:
    """The rows of an Arrow spine with their place; instants cut to microseconds, never rounded up.

    Raises:
        UsageError: a column is called like the place.
    """
    if PLACE in spine.schema.names:
        raise UsageError(
            "spine in Arrow",
            expected=f"no column {PLACE}",
            found="one",
            next_step="name it otherwise",
        )
    schema = pa.schema([*map(_to_microseconds, spine.schema), pa.field(PLACE, pa.int64())])
    batches = spine.to_batches() if isinstance(spine, pa.Table) else spine
    return pa.RecordBatchReader.from_batches(schema, _placed(batches, schema))


def _placed(batches: Any, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    place = 0
    for batch in batches:
        fields = list(schema)[:-1]
        columns = [
            column.cast(field.type, safe=False) for column, field in zip(batch.columns, fields, strict=True)
        ]
        numbers = pa.array(range(place, place + batch.num_rows), pa.int64())
        place += batch.num_rows
        yield pa.RecordBatch.from_arrays([*columns, numbers], schema=schema)


def _to_microseconds(field: pa.Field) -> pa.Field:
    # Metadata of pandas has no place in a table.
    kind = pa.timestamp("us", field.type.tz) if pa.types.is_timestamp(field.type) else field.type
    return pa.field(re.sub(r"\0", "", field.name), kind)
