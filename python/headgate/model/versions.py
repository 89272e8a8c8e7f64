"""The register of trained models, `ops.model_versions`, with their files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from headgate.errors import UsageError
from headgate.model.package import Package, sha256, unpack
from headgate.postgres import locks
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection

DOCUMENTS = ("manifest", "parameters", "figures", "gates", "environment")


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """One training that came to its end."""

    model: str
    version: int
    #: SHA-256 of the file that predicts.
    model_sha256: str
    task: str
    flavour: str
    dataset_id: int | None
    release_id: int | None
    manifest: dict[str, Any]
    parameters: dict[str, Any]
    figures: dict[str, Any]
    #: Per gate: gate, verdict, figure, low, high, threshold, rows, reason.
    gates: list[dict[str, Any]]
    passed: bool
    environment: dict[str, Any]
    code_revision: str | None
    seconds: float | None
    trained_at: datetime
    trained_by: str
    registered_at: datetime | None
    registered_by: str | None

    def as_dict(self) -> dict[str, Any]:
        """The version for programs (`--json`)."""
        instants = {
            name: value.isoformat() if value else None
            for name, value in (("trained_at", self.trained_at), ("registered_at", self.registered_at))
        }
        return {**self.__dict__, **instants}


@dataclass(frozen=True, kw_only=True)
class Histogram:
    """How a feature, or the score, was distributed in training."""

    feature: str
    #: Inner edges of the bins of a number, ascending; empty for a category.
    edges: Sequence[float]
    #: The categories with a bin of their own; empty for a number.
    labels: Sequence[str]
    #: Rows by bin: len(edges) + 1, or len(labels) + 1 with all others last.
    counts: Sequence[int]
    #: Rows without a value.
    missing: int


async def add(
    connection: Connection,
    package: Package,
    references: Sequence[Histogram] = (),
    *,
    passed: bool,
    dataset_id: int | None = None,
    release_id: int | None = None,
    parameters: Mapping[str, Any] | None = None,
    figures: Mapping[str, Any] | None = None,
    gates: Sequence[Mapping[str, Any]] = (),
    environment: Mapping[str, Any] | None = None,
    code_revision: str | None = None,
    seconds: float | None = None,
) -> ModelVersion:
    """Keeps a trained model as its next version, not registered yet, in one transaction with its files."""
    async with locks.held(connection, f"model {package.name}"), connection.transaction():
        row = await connection.fetchrow(
            """
            insert into ops.model_versions (
                model, version, model_sha256, task, flavour, dataset_id, release_id, manifest, parameters,
                figures, gates, passed, environment, code_revision, seconds, trained_by
            )
            select
                $1, (select coalesce(max(version), 0) + 1 from ops.model_versions where model = $1),
                $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15
            returning *
            """,
            package.name,
            package.model_sha256,
            package.task,
            package.flavour,
            dataset_id,
            release_id,
            json.dumps(package.manifest),
            json.dumps(parameters or {}),
            json.dumps(figures or {}),
            json.dumps(list(gates)),
            passed,
            json.dumps(environment or {}),
            code_revision,
            seconds,
            await actor(connection),
        )
        assert row is not None
        made = _version(row)
        await _add_files(connection, made, package)
        await _add_references(connection, made, references)
    return made


async def register(connection: Connection, model: str, version: int) -> ModelVersion:
    """Marks a version as registered; it can be deployed from then on. Does nothing when it is already.

    Raises:
        UsageError: there is no such version, or a gate did not let it pass.
    """
    found = await find(connection, model, version)
    if not found.passed:
        failed = [gate for gate in found.gates if gate.get("verdict") == "failed"]
        raise UsageError(
            f"model {model} version {version}",
            expected="a version that passed its gates",
            found="; ".join(f"{gate['gate']}: {gate['reason']}" for gate in failed) or "one that did not",
            next_step="mend what the gate names and train again;"
            f" `headgate model show {model} {version} --card card.html` tells all figures",
        )
    await connection.execute(
        """
        update ops.model_versions set registered_at = clock_timestamp(), registered_by = $3
        where model = $1 and version = $2 and registered_at is null
        """,
        model,
        version,
        await actor(connection),
    )
    return await find(connection, model, version)


async def find(connection: Connection, model: str, version: int | None = None) -> ModelVersion:
    """A version of a model; by default its newest.

    Raises:
        UsageError: there is none.
    """
    row = await connection.fetchrow(
        """
        select * from ops.model_versions
        where model = $1 and ($2::integer is null or version = $2)
        order by version desc limit 1
        """,
        model,
        version,
    )
    if row is None:
        wanted = f" version {version}" if version is not None else ""
        raise UsageError(
            f"model {model}{wanted}",
            expected="a model that was trained",
            found="no such version" if version is not None else "none of that name",
            next_step="run `headgate model list` to see them",
        )
    return _version(row)


async def all_versions(connection: Connection, model: str | None = None) -> list[ModelVersion]:
    """The versions of one model or of all, newest first within each model."""
    rows = await connection.fetch(
        "select * from ops.model_versions where $1::text is null or model = $1 order by model, version desc",
        model,
    )
    return [_version(row) for row in rows]


async def load(connection: Connection, model: str, version: int) -> Package:
    """A version's package, every file held against its hash.

    Raises:
        UsageError: there is no such version.
        HeadgateError: a file is not the one that was packed.
    """
    found = await find(connection, model, version)
    rows = await connection.fetch(
        "select path, content from ops.model_files where model = $1 and version = $2", model, version
    )
    return unpack(found.manifest, {row["path"]: row["content"] for row in rows})


async def references(connection: Connection, model: str, version: int) -> list[Histogram]:
    """The frozen histograms of a version, by name of the feature."""
    rows = await connection.fetch(
        """
        select feature, edges, labels, counts, missing from ops.model_references
        where model = $1 and version = $2 order by feature
        """,
        model,
        version,
    )
    return [Histogram(**dict(row)) for row in rows]


async def _add_files(connection: Connection, made: ModelVersion, package: Package) -> None:
    await connection.executemany(
        "insert into ops.model_files (model, version, path, content, sha256) values ($1, $2, $3, $4, $5)",
        [
            (made.model, made.version, path, content, sha256(content))
            for path, content in package.files.items()
        ],
    )


async def _add_references(
    connection: Connection, made: ModelVersion, references: Sequence[Histogram]
) -> None:
    await connection.executemany(
        """
        insert into ops.model_references (model, version, feature, edges, labels, counts, missing)
        values ($1, $2, $3, $4, $5, $6, $7)
        """,
        [
            (
                made.model,
                made.version,
                found.feature,
                list(found.edges),
                list(found.labels),
                list(found.counts),
                found.missing,
            )
            for found in references
        ],
    )


def _version(row: asyncpg.Record) -> ModelVersion:
    values = dict(row)
    for name in DOCUMENTS:
        values[name] = json.loads(values[name])
    return ModelVersion(**values)
