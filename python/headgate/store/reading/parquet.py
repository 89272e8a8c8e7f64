"""Parquet files that depend on the rows alone: fixed row groups, fixed settings, no clock."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import pyarrow as pa
import pyarrow.parquet as pq

#: Rows of a row group; all but the last one have as many, however the rows came.
GROUP_ROWS = 65_536


class Writer:
    """Writes batches in row groups of `GROUP_ROWS`; holds one row group in memory."""

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        self.rows = 0
        self._schema = schema
        self._pending: list[pa.RecordBatch] = []
        self._pending_rows = 0
        self._writer = pq.ParquetWriter(path, schema, compression="zstd", version="2.6", store_schema=True)

    def write(self, batch: pa.RecordBatch) -> None:
        """Adds rows."""
        self._pending.append(batch)
        self._pending_rows += batch.num_rows
        while self._pending_rows >= GROUP_ROWS:
            self._flush(GROUP_ROWS)

    def _flush(self, rows: int) -> None:
        table = pa.Table.from_batches(self._pending, schema=self._schema)
        group, rest = table.slice(0, rows).combine_chunks(), table.slice(rows)
        self.group(group)
        self.rows += group.num_rows
        self._pending = rest.to_batches()
        self._pending_rows = rest.num_rows

    def group(self, group: pa.Table) -> None:
        """Writes one whole row group; whoever wants to look at each overrides this."""
        self._writer.write_table(group, row_group_size=GROUP_ROWS)

    def close(self) -> None:
        """Writes what is left."""
        if self._pending_rows:
            self._flush(self._pending_rows)
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            self._writer.close()
