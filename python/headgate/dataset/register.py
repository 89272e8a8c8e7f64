"""The register of datasets, `ops.datasets`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from headgate.errors import UsageError
from headgate.postgres.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """One dataset: what it was made of, and what came out."""

    dataset_id: int
    name: str
    version: int
    release_id: int
    views: list[str]
    #: The relation that the spine was copied from, and the copy in schema datasets.
    spine_model: str
    spine_table: str
    #: The spine's columns with the instants and with the label.
    instant: str
    label: str | None
    row_count: int
    label_counts: dict[str, int]
    #: SHA-256 of the file, and hashes of its schema and columns.
    content_sha256: str
    parts: dict[str, str]
    #: What the leakage gate looked at.
    leakage: dict[str, Any]
    #: Up to which instant all its views cover every event.
    processed_to: datetime | None
    #: What wrote the file.
    writer: str
    uri: str
    created_at: datetime
    created_by: str
    #: How much older than the instant the features are at least; how that was told: none, measured, declared.
    lag_seconds: int = 0
    lag_kind: str = "none"

    def as_dict(self) -> dict[str, Any]:
        """The dataset for programs (`--json`)."""
        instants = {
            name: value.isoformat() if value else None
            for name, value in (("created_at", self.created_at), ("processed_to", self.processed_to))
        }
        return {**self.__dict__, **instants}


async def add(connection: Connection, values: dict[str, Any]) -> Dataset:
    """Registers a dataset; from then on its release is kept. `values`: fields of `Dataset` by name."""
    names = list(values)
    marks = ", ".join(f"${place}" for place in range(1, len(names) + 1))
    arguments = [json.dumps(value) if isinstance(value, dict) else value for value in values.values()]
    row = await connection.fetchrow(
        f"insert into ops.datasets ({', '.join(names)}) values ({marks}) returning *", *arguments
    )
    assert row is not None
    return _dataset(row)


async def find(connection: Connection, dataset_id: int) -> Dataset:
    """A dataset.

    Raises:
        UsageError: there is none of this number.
    """
    row = await connection.fetchrow("select * from ops.datasets where dataset_id = $1", dataset_id)
    if row is None:
        raise UsageError(
            f"dataset {dataset_id}",
            expected="the number of a dataset",
            found="no such dataset",
            next_step="run `headgate dataset list` to see them",
        )
    return _dataset(row)


async def all_datasets(connection: Connection) -> list[Dataset]:
    """Every dataset, newest first."""
    rows = await connection.fetch("select * from ops.datasets order by dataset_id desc")
    return [_dataset(row) for row in rows]


async def next_version(connection: Connection, name: str) -> int:
    """The version that the next dataset of this name has."""
    version: int = await connection.fetchval(
        "select coalesce(max(version), 0) + 1 from ops.datasets where name = $1", name
    )
    return version


def _dataset(row: asyncpg.Record) -> Dataset:
    values = dict(row)
    for name in ("label_counts", "parts", "leakage"):
        values[name] = json.loads(values[name])
    return Dataset(**values)
