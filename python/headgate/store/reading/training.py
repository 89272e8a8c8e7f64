"""Training sets: features joined point-in-time to a spine, streamed as Arrow in constant memory."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
from adbc_driver_manager import Error as AdbcError
from adbc_driver_postgresql import dbapi

from headgate.errors import HeadgateError, UsageError
from headgate.postgres.connection import shown
from headgate.store.reading import parquet
from headgate.store.reading.arrow_spine import TEMPORARY, ArrowSpine, Spine
from headgate.store.reading.arrow_types import ENUM, converted, decimal_type, require_exact
from headgate.store.reading.catalog import PublishedRelease, PublishedView, reached
from headgate.store.reading.spine import (
    COLUMNS,
    INSTANT,
    SpineRows,
    feature_names,
    relation_name,
    spine_of_relation,
)
from headgate.store.reading.statements import latest_row
from headgate.store.views import AS_OF, quoted

#: Features of the very instant.
NO_LAG = timedelta()
#: A batch of Arrow; few are in memory at once.
BATCH_BYTES = 4 << 20
SETTINGS = (
    "set transaction isolation level repeatable read",
    "set local timezone = 'UTC'",
    "set local jit = off",
    "set local work_mem = '64MB'",
    "set local application_name = 'headgate training set'",
)
STATUS = "select status from feature_store.releases where release_id = {release_id}"


class TrainingSet:
    """A training set that is read once, batch by batch: iterate, or call a method. Close it, or use `with`.

    Methods and iteration wait for the database; in asyncio call them in a thread (`asyncio.to_thread`).
    """

    def __init__(
        self,
        connection: dbapi.Connection,
        cursor: dbapi.Cursor,
        columns: Sequence[tuple[str, str]],
        rows: ArrowSpine | None,
        release: PublishedRelease,
        views: tuple[PublishedView, ...],
        metadata: Mapping[str, str],
    ) -> None:
        self.release = release.release_id
        #: By view: its values cover every event before this instant; None when that is not known.
        self.processed_to_by_view = {view.name: view.processed_to for view in views}
        #: The earliest of these.
        self.processed_to = reached(views)
        self._connection = connection
        self._cursor = cursor
        #: Names and PostgreSQL types of what the database gives.
        self._columns = columns
        #: What stands before it: the columns of a spine that came as Arrow.
        self._rows = rows
        self._batches: pa.RecordBatchReader = cursor.fetch_record_batch()
        fields = [
            pa.field(name, decimal_type(kind) or field.type)
            for (name, kind), field in zip(columns, self._batches.schema, strict=True)
        ]
        given = list(rows.schema) if rows else []
        #: Names and types of the columns; its metadata says release, views and the instant's column.
        self.schema = pa.schema([*given, *fields], metadata=dict(metadata))

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with _as_headgate_error("training set"):
            for batch in self._batches:
                given = self._rows.next_rows(batch.num_rows) if self._rows else []
                joined = [
                    converted(name, kind, array)
                    for (name, kind), array in zip(self._columns, batch.columns, strict=True)
                ]
                yield pa.RecordBatch.from_arrays([*given, *joined], schema=self.schema)

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
        if self._rows:
            self._rows.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


async def open_training_set(
    dsn: str,
    spine: Spine,
    release: PublishedRelease,
    views: tuple[PublishedView, ...],
    instant: str | None,
    lag: timedelta = NO_LAG,
) -> TrainingSet:
    """A training set on a connection of its own; see `FeatureStore.training_set`.

    Features are those of the instant less the lag.
    """
    return await asyncio.to_thread(_open, dsn, spine, release, views, instant, lag=lag)


def open_placed_training_set(
    dsn: str,
    spine: str,
    release: PublishedRelease,
    views: tuple[PublishedView, ...],
    instant: str,
    place: str,
    lag: timedelta = NO_LAG,
) -> TrainingSet:
    """A training set of a relation whose column `place` orders the rows; that column is left out.

    Features are those of the instant less the lag.

    Also of a release that was abandoned, as long as its rows are there.
    """
    return _open(dsn, spine, release, views, instant, place, lag)


def _open(
    dsn: str,
    spine: Spine,
    release: PublishedRelease,
    views: tuple[PublishedView, ...],
    instant: str | None,
    place: str | None = None,
    lag: timedelta = NO_LAG,
) -> TrainingSet:
    for view in views:
        for column in view.columns:
            require_exact(f"feature view {view.name}, column {column.name}", column.type)
    rows = None if isinstance(spine, str) else ArrowSpine(spine, views, instant)
    with _as_headgate_error(f"training set, {shown(dsn)}"):
        connection = dbapi.connect(dsn)
        cursor = connection.cursor()
        try:
            for setting in SETTINGS:
                cursor.execute(setting)
            found = _ingested(cursor, rows) if rows else _relation(cursor, spine, views, instant, place)
            _require_rows_of(cursor, release)
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            cursor.execute(_statement(found, views, release.release_id, lag))
            columns = _columns(found, views)
            metadata = _metadata(release, views, found, lag)
            return TrainingSet(connection, cursor, columns, rows, release, views, metadata)
        except BaseException:
            _close(connection, cursor)
            if rows:
                rows.close()
            raise


def _ingested(cursor: dbapi.Cursor, rows: ArrowSpine) -> SpineRows:
    try:
        cursor.adbc_ingest(TEMPORARY, rows.ingestible(), mode="create", temporary=True)
    except (AdbcError, OSError, pa.ArrowException):
        if rows.error:
            raise rows.error from None
        raise
    cursor.execute(f"analyze {quoted(TEMPORARY)}")
    return rows.described()


def _relation(
    cursor: dbapi.Cursor,
    spine: str,
    views: tuple[PublishedView, ...],
    instant: str | None,
    place: str | None,
) -> SpineRows:
    relation = relation_name(spine).replace("'", "''")
    cursor.execute(COLUMNS.format(relation=f"'{relation}'"))
    return spine_of_relation(spine, dict(cursor.fetchall()), views, instant, place)


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


def _statement(spine: SpineRows, views: tuple[PublishedView, ...], release_id: int, lag: timedelta) -> str:
    """One lookup into the history's primary key per row of the spine and view."""
    selected = [
        f"spine.{quoted(name)}" + ("::text" if kind == ENUM else "") for name, kind in spine.columns.items()
    ]
    joins = []
    keys = {name: f"spine.{quoted(name)}" for view in views for name in view.key_names}
    known = f"spine.{quoted(spine.instant_column)}"
    if lag:
        known = f"({known} - interval '{lag.total_seconds():.0f} seconds')"
    for number, view in enumerate(views):
        selected.append(f"view_{number}.{AS_OF}")
        selected += [f"view_{number}.{quoted(column.stored_as)}" for column in view.columns]
        row = latest_row(view, keys, known, str(release_id))
        joins.append(f"left join lateral ({row}) as view_{number} on true")
    sorted_spine = f"select * from {spine.relation} order by {', '.join(spine.lookup_order)}"
    order = ", ".join(f"spine.{column}" for column in spine.order)
    aliased = [f"{expression} as c{number}" for number, expression in enumerate(selected)]
    return f"select {', '.join(aliased)} from ({sorted_spine}) as spine {' '.join(joins)} order by {order}"


def _columns(spine: SpineRows, views: tuple[PublishedView, ...]) -> list[tuple[str, str]]:
    """Names and types of what the statement selects; PostgreSQL would cut the names at 63 bytes."""
    kinds = [kind for view in views for kind in (INSTANT, *(column.type for column in view.columns))]
    return [*spine.columns.items(), *zip(feature_names(views), kinds, strict=True)]


def _metadata(
    release: PublishedRelease, views: tuple[PublishedView, ...], spine: SpineRows, lag: timedelta
) -> dict[str, str]:
    """What the training set is, in the schema of Arrow and Parquet; nothing that differs from day to day."""
    processed_to = reached(views)
    return {
        "headgate.release": str(release.release_id),
        "headgate.processed_to": processed_to.isoformat() if processed_to else "",
        "headgate.views": json.dumps({view.name: view.version for view in views}),
        "headgate.instant": spine.instant,
        **({"headgate.lag_seconds": f"{lag.total_seconds():.0f}"} if lag else {}),
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
