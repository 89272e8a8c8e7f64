"""Scores of a whole spine, written back to PostgreSQL: `scores.<model>`.

Rows are those of the spine that the version has not scored yet. Features are those of the active release, at
each row's instant less the lag that the model declares, as its training set had them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

import pyarrow as pa

from headgate import postgres
from headgate.dataset.spine import COLUMNS, PLACE
from headgate.errors import HeadgateError, UsageError
from headgate.model import encoding, versions
from headgate.model.attempts import tried
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

#: Rows that code in a process of its own is asked for at once.
MOST_ROWS = 1_000
#: Rows that fail one behind the other before the rest is not asked, and seconds in which a batch that fails
#: as a whole is asked by halves.
MOST_IN_A_ROW, SECONDS_APART = 20, 600.0
OWN = {"model_version": "integer", "release_id": "integer", "scored_at": "timestamptz"}
#: The columns of a score, by task more.
SCORE = {"score": "double precision"}
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


@dataclass
class _Written:
    """What a batch has come to so far."""

    #: Rows of the spine, those that got a score, and those that failed.
    rows: int = 0
    new: int = 0
    failed: int = 0
    #: What the first that failed said, and how many failed one behind the other.
    reason: str = ""
    in_a_row: int = 0

    def count(self, found: Output | None, error: str | None) -> None:
        """Counts a row that was asked for."""
        self.in_a_row = 0 if found else self.in_a_row + 1
        if not found:
            self.failed += 1
            self.reason = self.reason or error or "expected a chance for each class"


async def score(settings: Settings, name: str, version: int | None = None) -> Scored:
    """Scores what a model's version, by default the champion, has not scored yet.

    Raises:
        UsageError: nothing is deployed, the version does not fit the active release, or its spine is gone.
        GateFailed: a gate failed, or did not run, for what its spine was made of.
        HeadgateError: the database does not play along; nothing is written. Or rows failed: the others are.
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
            table = await _table(connection, name, {**columns, **OWN, **SCORE, **more})
            chosen = release.chosen(list(package.views)) if package.views else ()
            joined = await open_training_set(
                postgres.dsn(settings),
                spine,
                release,
                chosen,
                package.options["instant"],
                timedelta(seconds=package.options.get("feature_lag_seconds") or 0),
            )
            written = await _write(connection, joined, package, number, columns, table)
            if written.failed:
                raise _incomplete(name, number, written)
            return Scored(
                model=name,
                version=number,
                release_id=release.release_id,
                relation=f"scores.{name}",
                rows=written.rows,
                new=written.new,
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
) -> _Written:
    """Scores what is new, batch by batch, in one transaction; rows that fail stay without a score."""
    predictor = await asyncio.to_thread(load, package)
    written = _Written()
    own = [*columns, *OWN, *SCORE, *MORE.get(package.task, {})]
    try:
        async with connection.transaction():
            names = ", ".join(map(quoted, columns))
            await connection.execute(
                f"create temporary table batch on commit drop as"
                f" select {names}, 0 as {PLACE} from {table} with no data"
            )
            batches = iter(joined)
            while (batch := await asyncio.to_thread(next, batches, None)) is not None:
                rows = pa.Table.from_batches([batch])
                written.rows += rows.num_rows
                new = rows.take(await _unscored(connection, rows, number, list(columns), table))
                found = await asyncio.to_thread(_scored, new, predictor, package, written)
                stamp = (number, joined.release, await connection.fetchval("select clock_timestamp()"))
                told = zip(*(new[column].to_pylist() for column in columns), strict=True)
                records = [
                    (*one, *stamp, *scores)
                    for one, scores in zip(told, found, strict=True)
                    if scores is not None
                ]
                written.new += len(records)
                await connection.copy_records_to_table(
                    package.name, schema_name="scores", records=records, columns=own
                )
    finally:
        predictor.close()
        await asyncio.to_thread(joined.close)
    return written


async def _unscored(
    connection: Connection, rows: pa.Table, number: int, columns: Sequence[str], table: str
) -> pa.Array:
    """The places of those rows that the version has not scored yet, of equal ones the first."""
    names = ", ".join(map(quoted, columns))
    await connection.execute("truncate batch")
    records = zip(*(rows[column].to_pylist() for column in columns), range(rows.num_rows), strict=True)
    await connection.copy_records_to_table("batch", records=records, columns=[*columns, PLACE])
    # As text, which can be hashed where `is not distinct from` cannot.
    batch_row, held_row = (
        f"row({', '.join(f'{relation}.{quoted(column)}' for column in columns)})::text"
        for relation in ("batch", "held")
    )
    found = await connection.fetch(
        f"""
        select distinct on ({names}) {PLACE} as place from batch
        where not exists (
            select from {table} as held where held.model_version = $1 and {held_row} = {batch_row}
        )
        order by {names}, {PLACE}
        """,
        number,
    )
    return pa.array(sorted(row["place"] for row in found), pa.int64())


def _scored(
    rows: pa.Table, predictor: Predictor, package: Package, written: _Written
) -> list[tuple[Any, ...] | None]:
    """By row the columns of its score; None of a row that failed, which is counted."""
    parts = [*SCORE, *MORE.get(package.task, {})]
    asked = _asked(rows, package)
    # Any row of a custom model may take as long as it may take to answer.
    size = 1 if package.task == "custom" else MOST_ROWS if predictor.waits else max(rows.num_rows, 1)
    found: list[tuple[Any, ...] | None] = []
    for start in range(0, rows.num_rows, size):
        if written.in_a_row >= MOST_IN_A_ROW:
            left = rows.num_rows - start
            written.failed += left
            return found + [None] * left
        for value, error in tried(predictor, asked[start : start + size], SECONDS_APART):
            one = _output(package, value) if error is None else None
            written.count(one, error)
            found.append(None if one is None else tuple(_part(one, part) for part in parts))
    return found


def _output(package: Package, value: Any) -> Output | None:
    try:
        return output(package.task, package.options, value)
    except (TypeError, ValueError):
        # As many chances as there are classes were expected.
        return None


def _asked(rows: pa.Table, package: Package) -> Any:
    """The rows as the flavour takes them: mappings, or a matrix."""
    inputs = package.signature.inputs
    if package.flavour == "pyfunc":
        return rows.select([given.name for given in inputs]).to_pylist()
    return encoding.table(rows, inputs, package.options.get(encoding.CATEGORIES, {}))


def _part(found: Output, part: str) -> Any:
    value = getattr(found, part)
    return json.dumps(value) if isinstance(value, dict) else value


def _incomplete(name: str, number: int, written: _Written) -> HeadgateError:
    return HeadgateError(
        f"scores.{name}, version {number}",
        expected="a score for each row that had none",
        found=f"{written.failed:,} rows without, {written.new:,} that got one; the first: {written.reason}",
        next_step="look at the model's code and at the rows without a score; scores that are there stay, and"
        " the next `headgate score` asks for the others",
    )
