"""Parquet files: a record per row, read a batch at a time."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pyarrow
import pyarrow.parquet

from headgate.contract import Contract
from headgate.landing.content import Content
from headgate.landing.csv_content import column_types

if TYPE_CHECKING:
    from headgate.landing.screen import Screen

BATCH = 500
OPTIONS = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS


class ParquetContent(Content):
    """One Parquet file. Its hash is that of the file as it is."""

    format = "Parquet"

    def __init__(self, path: Path, contract: Contract) -> None:
        super().__init__(path)
        self._types = column_types(contract)

    def rows(self, screen: Screen) -> Iterator[list[bytes]]:
        """A record per row."""
        self.read_through()
        with self._told():
            file = pyarrow.parquet.ParquetFile(self.path, buffer_size=1 << 20, pre_buffer=False)
        days = [
            field.name
            for field in file.schema_arrow
            if pyarrow.types.is_date(field.type) and self._types.get(field.name) == "timestamp"
        ]
        batches = file.iter_batches(batch_size=BATCH, use_threads=False)
        while True:
            with self._told():
                batch = next(batches, None)
                if batch is None:
                    return
                records = batch.to_pylist(maps_as_pydicts="strict")
            for record in records:
                for name in days:
                    if record[name] is not None:
                        record[name] = f"{record[name]}T00:00:00Z"
            yield screen.messages([orjson.dumps(record, _as_json, OPTIONS) for record in records])

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What Arrow complains of, in words."""
        try:
            yield
        except (pyarrow.ArrowException, OSError, KeyError):
            self._fail("a whole Parquet file", "another file, or damaged data")


def _as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return orjson.Fragment(f"{value:f}") if value.is_finite() else None
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, datetime):
        # Also those of pandas, which have nanoseconds.
        moment = value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
        return moment.isoformat().replace("+00:00", "Z")
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)
