"""Rebuilding a dataset and comparing it with what was made then."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from headgate import postgres
from headgate.dataset import build, register
from headgate.dataset.build import Built
from headgate.dataset.create import readable_release
from headgate.dataset.digest import file_sha256
from headgate.dataset.register import Dataset
from headgate.settings import Settings


@dataclass(frozen=True)
class Verification:
    """What a rebuild came to."""

    dataset: Dataset
    content_sha256: str
    #: What differs: rows, schema, column <name>, bytes (values alike, written otherwise), file (on disk).
    differing: list[str]
    #: Whether the file is where it was written.
    file_found: bool
    writer: str

    @property
    def same(self) -> bool:
        """Whether the dataset is what it was. Another version of the writer may write other bytes."""
        other_writer = self.writer != self.dataset.writer
        return not [part for part in self.differing if not (part == "bytes" and other_writer)]

    def as_dict(self) -> dict[str, object]:
        """For programs (`--json`)."""
        return {
            "dataset_id": self.dataset.dataset_id,
            "same": self.same,
            "lag_seconds": self.dataset.lag_seconds,
            "differing": self.differing,
            "expected_sha256": self.dataset.content_sha256,
            "found_sha256": self.content_sha256,
            "file_found": self.file_found,
            "writer": self.writer,
        }


async def verify(settings: Settings, dataset_id: int) -> Verification:
    """Rebuilds a dataset from its spine and its release, and compares it part by part.

    Raises:
        UsageError: there is no such dataset, or its release was compacted.
        HeadgateError: the database or the disk does not play along.
    """
    connection = await postgres.connect(settings)
    try:
        dataset = await register.find(connection, dataset_id)
        release = await readable_release(connection, dataset.release_id, bound=True)
    finally:
        await connection.close()
    # What was processed then stands in the file; a migration may know it better now.
    views = tuple(replace(view, processed_to=dataset.processed_to) for view in release.chosen(dataset.views))
    table = dataset.spine_table.removeprefix("datasets.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "rebuilt.parquet"
        built = await asyncio.to_thread(
            build.build,
            *(postgres.dsn(settings), table, release, views, dataset.instant, path),
            lag=timedelta(seconds=dataset.lag_seconds),
        )
    written = await asyncio.to_thread(_file_sha256, Path(dataset.uri))
    differing = _differing(dataset, built)
    if written not in (None, dataset.content_sha256):
        differing.append("file")
    return Verification(dataset, built.content_sha256, differing, written is not None, build.WRITER)


def _file_sha256(path: Path) -> str | None:
    return file_sha256(path) if path.is_file() else None


def _differing(dataset: Dataset, built: Built) -> list[str]:
    then, now = dataset.parts, built.parts
    differing = ["rows"] if built.rows != dataset.row_count else []
    differing += [part for part in dict.fromkeys([*now, *then]) if then.get(part) != now.get(part)]
    if not differing and built.content_sha256 != dataset.content_sha256:
        return ["bytes"]
    return differing
