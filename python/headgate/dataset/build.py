"""Building a dataset's file from its spine and its release: the same bytes each time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pyarrow as pa

from headgate.dataset.digest import Parts, file_sha256
from headgate.dataset.leakage import LeakageGate
from headgate.dataset.spine import PLACE
from headgate.store.reading import parquet
from headgate.store.reading.catalog import PublishedRelease, PublishedView
from headgate.store.reading.training import NO_LAG, open_placed_training_set

#: What writes the file; another version may write the same values as other bytes.
WRITER = f"pyarrow {pa.__version__}"


@dataclass(frozen=True)
class Built:
    """A dataset's file."""

    rows: int
    #: SHA-256 of the file.
    content_sha256: str
    #: Hashes of what it consists of, see `Parts`.
    parts: dict[str, str]


class _Writer(parquet.Writer):
    """Looks at each row group that it writes."""

    def __init__(self, path: Path, schema: pa.Schema, gate: LeakageGate | None) -> None:
        super().__init__(path, schema)
        self.parts = Parts(schema)
        self._gate = gate

    def group(self, group: pa.Table) -> None:
        self.parts.update(group)
        if self._gate is not None:
            self._gate.look(group)
        super().group(group)


def build(
    dsn: str,
    table: str,
    release: PublishedRelease,
    views: tuple[PublishedView, ...],
    instant: str,
    path: Path,
    gate: LeakageGate | None = None,
    lag: timedelta = NO_LAG,
) -> Built:
    """Joins the spine in `datasets.<table>` to a release, writes `path`; waits for the database.

    Features are those of the instant less the lag.

    Raises:
        HeadgateError: the database or the disk does not play along.
    """
    spine = f"datasets.{table}"
    with (
        open_placed_training_set(dsn, spine, release, views, instant, PLACE, lag) as joined,
        _Writer(path, joined.schema, gate) as writer,
    ):
        for batch in joined:
            writer.write(batch)
    return Built(writer.rows, file_sha256(path), writer.parts.as_dict())
