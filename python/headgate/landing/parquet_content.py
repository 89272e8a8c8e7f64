"""Parquet files: a record per row, read a batch at a time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow
import pyarrow.parquet

from headgate.contract import Contract
from headgate.landing.columns import column_types
from headgate.landing.content import LINE_LIMIT, Content
from headgate.landing.memory import at_most
from headgate.landing.parquet_values import Untold, finer, told, unpacked_bytes

if TYPE_CHECKING:
    from headgate.landing.screen import Screen

#: Rows that are read at once, and bytes that they may have together by what the file says of itself.
BATCH, BATCH_BYTES = 500, 8 << 20
#: Bytes that a batch may take all the same: a file of a few kilobytes can name one long text for every row.
MOST_BYTES = 2 << 30
_ANY_SIZE = (
    "write the column as a list of any size (Arrow reads no null there), then land it; nothing was landed"
)


class ParquetContent(Content):
    """One Parquet file. Its hash is that of the file as it is."""

    format = "Parquet"

    def __init__(self, path: Path, contract: Contract | None) -> None:
        super().__init__(path)
        self._types = column_types(contract) if contract else {}

    def rows(self, screen: Screen) -> Iterator[list[bytes]]:
        """A record per row; one with a value that cannot be told is a reject."""
        self.read_through()
        with self._explained():
            file = pyarrow.parquet.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False)
        names = file.schema_arrow.names
        if len(set(names)) < len(names):
            self.fail(
                "columns that are named once each", "a name twice", "rename a column; nothing was landed"
            )
        wide = self._wide(file)
        for part in self._read(file):
            yield from self._rows(
                part, {name: list(islice(found, part.num_rows)) for name, found in wide.items()}, screen
            )

    def _read(
        self, file: pyarrow.parquet.ParquetFile, columns: list[str] | None = None
    ) -> Iterator[pyarrow.RecordBatch]:
        batches = file.iter_batches(
            batch_size=rows_at_once(file.metadata), columns=columns, use_threads=False
        )
        while True:
            with self._explained(), self._bounded():
                batch = next(batches, None)
            if batch is None:
                return
            yield from self._parts(batch)

    def _wide(self, file: pyarrow.parquet.ParquetFile) -> dict[str, Iterator[Any]]:
        """Columns of times in INT96, as Spark and Impala write them: their values in microseconds.

        As nanoseconds, which is how Arrow reads them, years before 1678 and after 2262 become others.
        """
        names = {
            column.path.partition(".")[0]
            for column in map(file.schema.column, range(len(file.schema)))
            if column.physical_type == "INT96"
        }
        return {name: self._microseconds(name) for name in sorted(names)}

    def _microseconds(self, name: str) -> Iterator[Any]:
        file = pyarrow.parquet.ParquetFile(self.path, coerce_int96_timestamp_unit="us", pre_buffer=False)
        for part in self._read(file, [name]):
            yield from told(part.column(0))

    def _parts(self, batch: pyarrow.RecordBatch) -> Iterator[pyarrow.RecordBatch]:
        """A batch in parts that are small as Python's values, too."""
        size = max(1, batch.num_rows * BATCH_BYTES // max(1, *map(unpacked_bytes, batch.columns)))
        for start in range(0, batch.num_rows, size):
            part = batch.slice(start, size)
            if size == 1 and max(map(unpacked_bytes, part.columns)) > LINE_LIMIT:
                self.fail("rows", f"a row longer than {LINE_LIMIT >> 20} MB")
            yield part

    def _rows(
        self, batch: pyarrow.RecordBatch, wide: Mapping[str, list[Any]], screen: Screen
    ) -> Iterator[list[bytes]]:
        names = batch.schema.names
        columns = [self._column(name, batch.column(number)) for number, name in enumerate(names)]
        for name, found in wide.items():
            place = names.index(name)
            columns[place] = list(map(finer, columns[place], found))
        odd = any(type(value) is Untold for column in columns for value in column)
        lines: list[bytes] = []
        for row in zip(*columns, strict=True):
            record = dict(zip(names, row, strict=True))
            reason = _reason(record) if odd else None
            if reason is None:
                lines.append(orjson.dumps(record))
                continue
            # In order: lines are numbered as they come.
            yield screen.messages(lines)
            lines = []
            kept = {name: value for name, value in record.items() if type(value) is not Untold}
            screen.reject_record(orjson.dumps(kept), reason)
        yield screen.messages(lines)

    def _column(self, name: str, column: pyarrow.Array) -> list[Any]:
        found = told(column)
        if pyarrow.types.is_date(column.type) and self._types.get(name) == "timestamp":
            return [_midnight(value) for value in found]
        return found

    @contextmanager
    def _bounded(self) -> Iterator[None]:
        """Refuses what unpacks to more than memory is meant for, before it takes that of the machine."""
        try:
            with at_most(MOST_BYTES) as is_bounded:
                yield
        except MemoryError:
            if not is_bounded:
                raise
            self.fail(
                "rows that unpack to little", f"more than {MOST_BYTES >> 30} GB in {BATCH} rows or fewer"
            )

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """What Arrow complains of, in words."""
        try:
            yield
        except MemoryError:
            raise
        except (pyarrow.ArrowException, OSError, KeyError) as error:
            if "lists to be of size" in str(error):
                self.fail("values that Arrow can read", "a list of fixed size that is null", _ANY_SIZE)
            self.fail("a whole Parquet file", "another file, or damaged data")


def rows_at_once(file: pyarrow.parquet.FileMetaData) -> int:
    """Fewer where rows are large."""
    groups = [file.row_group(number) for number in range(file.num_row_groups)]
    largest = max((group.total_byte_size // max(group.num_rows, 1) for group in groups), default=0)
    return max(1, min(BATCH, BATCH_BYTES // max(largest, 1)))


def _midnight(day: str | None) -> str | None:
    if day is None:
        return None
    date, before, era = day.partition(" BC")
    return f"{date}T00:00:00Z{before}{era}"


def _reason(record: dict[str, Any]) -> str | None:
    reasons = [f"column {name}: {value.reason}" for name, value in record.items() if type(value) is Untold]
    return "; ".join(reasons) or None
