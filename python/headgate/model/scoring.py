"""Scores of a whole spine, written back to PostgreSQL: `scores.<model>`.

Rows are those of the spine that the version has not scored yet. Features are those of the active release, at
each row's instant less the lag that the model declares, as its training set had them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa

from headgate import postgres
from headgate.dataset.spine import COLUMNS
from headgate.errors import UsageError
from headgate.model import encoding, versions
from headgate.model.deployment.fit import require_fit
from headgate.model.deployment.state import champion
from headgate.model.flavours.base import Predictor
from headgate.model.flavours.load import load
from headgate.model.output import Output, output
from headgate.model.package import Package
from headgate.postgres import locks
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.store import ledger
from headgate.store.readiness import require_proven
from headgate.store.reading import catalog
from headgate.store.reading.spine import relation_name
from headgate.store.reading.training import TrainingSet, open_training_set
from headgate.store.views import quoted

OWN = {
    "model_version": "integer",
    "release_id": "integer",
    "scored_at": "timestamptz",
    "score": "double precision",
}
#: More columns, by task.
MORE = {
    "multiclass": {"answer": "text", "probabilities": "jsonb"},
    "custom": {"answer": "text", "cost": "double precision"},
}


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a batch came to."""

    model: str
    version: int
    release_id: int
    relation: str
    #: Rows of the spine, and those that had no score of this version yet.
    rows: int
    new: int

    def as_dict(self) -> dict[str, Any]:
        """It for programs (`--json`)."""
        return asdict(self)


async def score(settings: Settings, name: str, version: int | None = None) -> Scored:
    """Scores what a model's version, by default the champion, has not scored yet.

    Raises:
        UsageError: nothing is deployed, the version does not fit the active release, or its spine is gone.
        GateFailed: a gate failed, or did not run, for what its spine was made of.
        HeadgateError: the database or the model does not play along; nothing is written.
    """
    connection = await postgres.connect(settings)
    try:
        async with locks.held(connection, f"scores of model {name}"):
            number = version or await champion(connection, name)
            found = await versions.find(connection, name, number)
            release_id = await ledger.active_release(connection)
            await require_fit(connection, found, release_id)
            release = catalog.from_rows(await connection.fetch(catalog.RELEASE, None))
            if release is None:
                raise catalog.not_readable(None, None, {})
            package = await versions.load(connection, name, number)
            spine = package.options["spine"]
            await require_proven(connection, f"spine {spine}", spine)
            columns = await _identity(connection, package)
            more = MORE.get(package.task, {})
            table = await _table(connection, name, {**columns, **OWN, **more})
            chosen = release.chosen(list(package.views)) if package.views else ()
            joined = await open_training_set(
                postgres.dsn(settings),
                spine,
                release,
                chosen,
                package.options["instant"],
                timedelta(seconds=package.options.get("feature_lag_seconds") or 0),
            )
            rows, new = await _write(connection, joined, package, number, columns, table)
            return Scored(
                model=name,
                version=number,
                release_id=release.release_id,
                relation=f"scores.{name}",
                rows=rows,
                new=new,
            )
    finally:
        await connection.close()


async def _identity(connection: Connection, package: Package) -> dict[str, str]:
    """The spine's columns that are neither inputs nor the label, with their types: what a row is about."""
    spine = package.options["spine"]
    found = await connection.fetch(COLUMNS, relation_name(spine))
    taken = {given.name for given in package.signature.inputs} | {package.options["label"]}
    columns = {row["name"]: row["type"] for row in found if row["name"] not in taken}
    if not columns:
        raise UsageError(
            f"model {package.name}, spine {spine}",
            expected="a relation with columns that say what a row is about",
            found="none" if found else "no such relation",
            next_step="build it: `dbt build --selector training`",
        )
    return columns


async def _table(connection: Connection, name: str, columns: Mapping[str, str]) -> str:
    """The model's table, made where it is missing.

    Raises:
        UsageError: it is of a spine with other columns.
    """
    relation = f"scores.{quoted(name)}"
    described = ", ".join(f"{quoted(column)} {kind}" for column, kind in columns.items())
    await connection.execute(f"create table if not exists {relation} ({described})")
    found = [row["name"] for row in await connection.fetch(COLUMNS, relation)]
    if found != list(columns):
        raise UsageError(
            relation,
            expected=f"the columns of its spine and of its task: {', '.join(columns)}",
            found=", ".join(found),
            next_step="the spine has changed since: rename or drop this table, and score again",
        )
    return relation


async def _write(
    connection: Connection,
    joined: TrainingSet,
    package: Package,
    number: int,
    columns: Mapping[str, str],
    table: str,
) -> tuple[int, int]:
    """Scores batch by batch into a temporary table, then adds what is new, in one transaction."""
    predictor = await asyncio.to_thread(load, package)
    rows = 0
    try:
        async with connection.transaction():
            scored = ["score", *MORE.get(package.task, {})]
            names = ", ".join(map(quoted, columns))
            given = ", ".join(map(quoted, scored))
            await connection.execute(
                f"create temporary table batch on commit drop as"
                f" select {names}, {given} from {table} with no data"
            )
            batches = _scored(joined, predictor, package, columns)
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                rows += len(batch)
                await connection.copy_records_to_table("batch", records=batch, columns=[*columns, *scored])
            # As text, which can be hashed where `is not distinct from` cannot.
            batch_row, held_row = (
                f"row({', '.join(f'{relation}.{quoted(column)}' for column in columns)})::text"
                for relation in ("batch", "held")
            )
            status = await connection.execute(
                f"""
                insert into {table} ({names}, model_version, release_id, scored_at, {given})
                select {names}, $1, $2, clock_timestamp(), {given}
                from (
                    select distinct on ({names}) * from batch order by {names}, score desc
                ) as batch
                where not exists (
                    select from {table} as held where held.model_version = $1 and {held_row} = {batch_row}
                )
                """,
                number,
                joined.release,
            )
    finally:
        predictor.close()
        await asyncio.to_thread(joined.close)
    return rows, int(status.rpartition(" ")[2])


def _scored(
    joined: TrainingSet, predictor: Predictor, package: Package, columns: Mapping[str, str]
) -> Iterator[list[Sequence[Any]]]:
    parts = ["score", *MORE.get(package.task, {})]
    for batch in joined:
        rows = pa.Table.from_batches([batch])
        found = [
            output(package.task, package.options, value) for value in predictor.predict(_asked(rows, package))
        ]
        scores = ([_part(one, part) for one in found] for part in parts)
        yield list(zip(*(rows[column].to_pylist() for column in columns), *scores, strict=True))


def _asked(rows: pa.Table, package: Package) -> Any:
    """The rows as the flavour takes them: mappings, or a matrix."""
    inputs = package.signature.inputs
    if package.flavour == "pyfunc":
        return rows.select([given.name for given in inputs]).to_pylist()
    return encoding.table(rows, inputs, package.options.get(encoding.CATEGORIES, {}))


def _part(found: Output, part: str) -> Any:
    value = getattr(found, part)
    return json.dumps(value) if isinstance(value, dict) else value
