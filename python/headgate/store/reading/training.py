"""Training sets: features joined point-in-time to a spine, streamed as Arrow in constant memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi

from headgate.errors import HeadgateError, UsageError
from headgate.postgres.connection import shown
from headgate.store.reading import parquet
from headgate.store.reading.catalog import PublishedRelease, PublishedView
from headgate.store.reading.spine import (
    TEMPORARY,
    Spine,
    SpineRows,
    placed,
    relation_name,
    spine_of_relation,
    spine_of_temporary,
)
from headgate.store.reading.statements import latest_row
from headgate.store.views import AS_OF, quoted

#: A batch of Arrow; few are in memory at once.
BATCH_BYTES = 4 << 20
SETTINGS = (
    "set transaction isolation level repeatable read",
    "set local timezone = 'UTC'",
    "set local jit = off",
    "set local work_mem = '64MB'",
    "set local application_name = 'headgate training set'",
)
COLUMNS = """
    select attname::text, format_type(atttypid, null)
    from pg_attribute
    where attrelid = to_regclass('{relation}') and attnum > 0 and not attisdropped
    order by attnum
"""
STATUS = "select status from feature_store.releases where release_id = {release_id}"


class TrainingSet:
    """A training set that is read once, batch by batch: iterate, or call a method. Close it, or use `with`.

    Methods and iteration wait for the database; in asyncio call them in a thread (`asyncio.to_thread`).
    """

    def __init__(
        self,
        connection: dbapi.Connection,
        cursor: dbapi.Cursor,
        names: list[str],
        release: PublishedRelease,
        metadata: Mapping[str, str],
    ) -> None:
        self.release = release.release_id
        self.processed_to = release.processed_to
        self._connection = connection
        self._cursor = cursor
        self._batches: pa.RecordBatchReader = cursor.fetch_record_batch()
        fields = [pa.field(name, field.type) for name, field in zip(names, self._batches.schema, strict=True)]
        #: Names and types of the columns; its metadata says release, views and the instant's column.
        self.schema = pa.schema(fields, metadata=dict(metadata))

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with _as_headgate_error("training set"):
            for batch in self._batches:
                yield pa.RecordBatch.from_arrays(batch.columns, schema=self.schema)

    def reader(self) -> pa.RecordBatchReader:
        """The batches as a stream that pyarrow, Polars, DuckDB and others take."""
        return pa.RecordBatchReader.from_batches(self.schema, iter(self))

    def read_all(self) -> pa.Table:
        """Everything at once, in memory."""
        return pa.Table.from_batches(list(self), schema=self.schema)

    def write_parquet(self, path: Path | str) -> int:
        """Writes a Parquet file; returns the number of rows. Memory stays constant however many there are."""
        with parquet.Writer(Path(path), self.schema) as writer:
            for batch in self:
                writer.write(batch)
        return writer.rows

    def close(self) -> None:
        """Gives up what was not read, and the connection."""
        _close(self._connection, self._cursor)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def open_training_set(
    dsn: str, spine: Spine, release: PublishedRelease, views: tuple[PublishedView, ...], instant: str | None
) -> TrainingSet:
    """A training set on a connection of its own; see `FeatureStore.training_set`."""
    return await asyncio.to_thread(_open, dsn, spine, release, views, instant)


def open_placed_training_set(
    dsn: str,
    spine: str,
    release: PublishedRelease,
    views: tuple[PublishedView, ...],
    instant: str,
    place: str,
) -> TrainingSet:
    """A training set of a relation whose column `place` orders the rows; that column is left out.

    Also of a release that was abandoned, as long as its rows are there.
    """
    return _open(dsn, spine, release, views, instant, place)


def _open(
    dsn: str,
    spine: Spine,
    release: PublishedRelease,
    views: tuple[PublishedView, ...],
    instant: str | None,
    place: str | None = None,
) -> TrainingSet:
    with _as_headgate_error(f"training set, {shown(dsn)}"):
        connection = dbapi.connect(dsn)
        cursor = connection.cursor()
        try:
            for setting in SETTINGS:
                cursor.execute(setting)
            rows = _spine_rows(cursor, spine, views, instant, place)
            _require_rows_of(cursor, release)
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            cursor.execute(_statement(rows, views, release.release_id))
            names = _names(rows, views)
            return TrainingSet(connection, cursor, names, release, _metadata(release, views, rows))
        except BaseException:
            _close(connection, cursor)
            raise


def _spine_rows(
    cursor: dbapi.Cursor,
    spine: Spine,
    views: tuple[PublishedView, ...],
    instant: str | None,
    place: str | None,
) -> SpineRows:
    if isinstance(spine, str):
        types = _types(cursor, relation_name(spine))
        return spine_of_relation(spine, types, views, instant, place)
    cursor.adbc_ingest(TEMPORARY, placed(spine), mode="create", temporary=True)
    cursor.execute(f"analyze {quoted(TEMPORARY)}")
    return spine_of_temporary(_types(cursor, quoted(TEMPORARY)), views, instant)


def _types(cursor: dbapi.Cursor, relation: str) -> dict[str, str]:
    cursor.execute(COLUMNS.format(relation=relation.replace("'", "''")))
    return dict(cursor.fetchall())


def _require_rows_of(cursor: dbapi.Cursor, release: PublishedRelease) -> None:
    """In the snapshot that is going to be read: the release's rows have not been compacted away."""
    cursor.execute(STATUS.format(release_id=release.release_id))
    found = cursor.fetchone()
    if found is None or found[0] == "compacted":
        raise UsageError(
            f"release {release.release_id}",
            expected="a release whose rows are kept",
            found="it was compacted",
            next_step="name a release that is kept",
        )


def _statement(spine: SpineRows, views: tuple[PublishedView, ...], release_id: int) -> str:
    """One lookup into the history's primary key per row of the spine and view."""
    selected = [f"spine.{quoted(name)}" for name in spine.columns]
    joins = []
    keys = {name: f"spine.{quoted(name)}" for name in spine.columns}
    for number, view in enumerate(views):
        selected.append(f"view_{number}.{AS_OF}")
        selected += [f"view_{number}.{quoted(column.stored_as)}" for column in view.columns]
        row = latest_row(view, keys, keys[spine.instant], str(release_id))
        joins.append(f"left join lateral ({row}) as view_{number} on true")
    sorted_spine = f"select * from {spine.relation} order by {', '.join(map(quoted, spine.lookup_order))}"
    order = ", ".join(f"spine.{quoted(name)}" for name in spine.order)
    aliased = [f"{expression} as c{number}" for number, expression in enumerate(selected)]
    return f"select {', '.join(aliased)} from ({sorted_spine}) as spine {' '.join(joins)} order by {order}"


def _names(spine: SpineRows, views: tuple[PublishedView, ...]) -> list[str]:
    """The names of the training set's columns; PostgreSQL would cut them at 63 bytes."""
    names = list(spine.columns)
    for view in views:
        names += [f"{view.name}__{column}" for column in (AS_OF, *(column.name for column in view.columns))]
    return names


def _metadata(
    release: PublishedRelease, views: tuple[PublishedView, ...], spine: SpineRows
) -> dict[str, str]:
    """What the training set is, in the schema of Arrow and Parquet; nothing that differs from day to day."""
    return {
        "headgate.release": str(release.release_id),
        "headgate.processed_to": release.processed_to.isoformat() if release.processed_to else "",
        "headgate.views": json.dumps({view.name: view.version for view in views}),
        "headgate.instant": spine.instant,
    }


def _close(connection: dbapi.Connection, cursor: dbapi.Cursor) -> None:
    """The cursor first: the driver refuses otherwise."""
    for opened in (cursor, connection):
        with contextlib.suppress(AdbcError):
            opened.close()


@contextlib.contextmanager
def _as_headgate_error(subject: str) -> Iterator[None]:
    """Errors of the driver in Headgate's form; its message repeats the whole statement, which is cut."""
    try:
        yield
    except (AdbcError, OSError, pa.ArrowException) as error:
        raise HeadgateError(
            subject,
            expected="the database to read it to its end",
            found=str(error).partition("Query was:")[0].strip() or type(error).__name__,
            next_step="check the server and the role's rights on schema feature_store; then read again",
        ) from error
