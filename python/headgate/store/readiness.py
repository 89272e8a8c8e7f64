"""Whether what dbt built may be published: built from what is landed now, and proven by every gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import asyncpg

from headgate.errors import GateFailed, HeadgateError, NothingBuiltError
from headgate.postgres.connection import Connection
from headgate.report import began, number_of
from headgate.store import proof
from headgate.store.reading.spine import relation_name

#: How many findings an error names before it says how many more there are.
NAMED = 3


@dataclass(frozen=True)
class Readiness:
    """Which feature views may be published, and why the others may not."""

    ready: list[str] = field(default_factory=list)
    #: By name; views that share a source wait for each other, so that no release mixes what a load changed.
    held: dict[str, HeadgateError] = field(default_factory=dict)
    #: View -> the sources that it rests on.
    sources: dict[str, set[str]] = field(default_factory=dict)

    def sources_of(self, views: Iterable[str]) -> list[str]:
        """The sources that some views rest on."""
        return sorted(set().union(*(self.sources.get(view, set()) for view in views)))


async def read_readiness(connection: Connection, views: Iterable[str]) -> Readiness:
    """What may be published, in the snapshot that is going to be; left out is what nothing landed for yet.

    Raises:
        HeadgateError: no view may: none is built, or each lacks a landed partition, rests on one that was
            delivered or built again, or (GateFailed) on one that lacks the verdict of a gate.
    """
    names = sorted(views)
    sources, names = await _sources(connection, names)
    if not names:
        raise NothingBuiltError(
            "feature views to publish",
            expected="at least one that dbt has built",
            found="none",
            next_step="land what a feature view is built from, then run `headgate run build_features`",
        )
    errors = await _errors(connection, _groups(names, sources))
    ready = [name for name in names if name not in errors]
    if not ready:
        raise next((error for error in errors.values() if isinstance(error, GateFailed)), errors[names[0]])
    return Readiness(ready, errors, sources)


async def require_proven(connection: Connection, subject: str, relation: str) -> None:
    """Refuses a relation that rests on a load which lacks the verdict of a gate, or is no longer landed.

    Args:
        connection: any.
        subject: what it is needed for, as the error names it.
        relation: `schema.name`, of a model or of a view that somebody wrote over models or landed records.

    Raises:
        GateFailed: a gate failed, or did not run, for what was built before the relation.
        HeadgateError: the relation holds records of a load that was replaced, discarded or typed anew since.
    """
    name = relation.rpartition(".")[2].replace('"', "")
    for shown in await connection.fetch(proof.SHOWN, relation_name(relation), name):
        if shown["is_whole"]:
            await _require_current(connection, subject, shown)
        unproven = await _fetch(connection, proof.UNPROVEN, [shown["model"]])
        found = [row for row in unproven if not shown["built_at"] or row["built_at"] <= shown["built_at"]]
        if found:
            raise await _not_proven(connection, found, subject, "nothing was made of it")


async def _require_current(connection: Connection, subject: str, shown: asyncpg.Record) -> None:
    """Refuses what a table holds of loads that were taken back or typed anew."""
    since = shown["model"], shown["built_at"]
    if taken_back := await connection.fetchrow(proof.TAKEN_BACK, *since):
        happened = f"load {taken_back['load_id']} was {taken_back['status']}"
    elif anew := await connection.fetchrow(proof.TYPED_ANEW, *since):
        happened = f"{anew['model']} was built anew of load {anew['load_id']}"
    else:
        return
    raise HeadgateError(
        subject,
        expected="records that are landed now, as they are typed now",
        found=f"{shown['model']} was built at {shown['built_at']:%Y-%m-%dT%H:%M:%SZ}, and {happened} since",
        next_step=f"build it again: `dbt build --select {shown['model']}`",
    )


async def _sources(connection: Connection, names: Sequence[str]) -> tuple[dict[str, set[str]], list[str]]:
    """The sources of each view; and the views to look at, without those of which nothing ever landed."""
    rows = await _fetch(connection, proof.SOURCES, names)
    sources: dict[str, set[str]] = {name: set() for name in names}
    absent = set()
    for row in rows:
        sources[row["view"]] |= {row["source"]} - {None}
        if row["source"] and not row["is_built"] and not row["has_loads"]:
            absent.add(row["view"])
    is_any_built = any(row["is_built"] for row in rows)
    return sources, [name for name in names if name not in absent] if is_any_built else []


def _groups(names: Iterable[str], sources: Mapping[str, set[str]]) -> list[list[str]]:
    """Views that share sources, also by way of others; one whose sources nobody knows may share any."""
    groups: list[tuple[set[str], list[str]]] = []
    known = set().union(*sources.values()) or {""}
    for name in names:
        own = sources[name] or known
        joined = [group for group in groups if group[0] & own]
        apart = [group for group in groups if group not in joined]
        together = own.union(*(group[0] for group in joined))
        groups = [*apart, (together, [*(view for group in joined for view in group[1]), name])]
    return [sorted(group) for _, group in groups]


async def _errors(connection: Connection, groups: list[list[str]]) -> dict[str, HeadgateError]:
    """Why views of a group may not be published, by view."""
    names = sorted(name for group in groups for name in group)
    missing = await _fetch(connection, proof.NOT_BUILT, names)
    outdated = await _fetch(connection, proof.OUTDATED, names)
    unproven = await _fetch(connection, proof.UNPROVEN, names)
    errors: dict[str, HeadgateError] = {}
    for group in groups:
        late = (("not built", _of(missing, group)), ("older than its data", _of(outdated, group)))
        if any(rows for _, rows in late):
            red = await _failed_gates(connection, _of(unproven, group))
            gone = [row["view"] for row in await connection.fetch(proof.GONE, group)]
            errors |= dict.fromkeys(group, _not_built(late, red, gone))
        elif rows := _of(unproven, group):
            subject = "gates of what is to be published"
            error = await _not_proven(connection, rows, subject, "nothing was published")
            errors |= dict.fromkeys(group, error)
    return errors


async def _fetch(connection: Connection, statement: str, names: Sequence[str]) -> list[asyncpg.Record]:
    """Without statistics of a history that was filled a moment ago, the planner would loop over it."""
    async with connection.transaction():
        await connection.execute("set local enable_nestloop = off")
        found = await connection.fetch(statement, names)
        await connection.execute("set local enable_nestloop = on")
    return found


def _of(rows: list[asyncpg.Record], group: list[str]) -> list[asyncpg.Record]:
    return [row for row in rows if row["view"] in group]


def _not_built(
    late: Iterable[tuple[str, list[asyncpg.Record]]], red: list[asyncpg.Record], gone: list[str]
) -> HeadgateError:
    found = [f"{what}: {_named(rows)}" for what, rows in late if rows]
    step = "run `dbt build` (or `headgate run build_features`) to its end; then publish again"
    if gone:
        found.append(f"no model of the project is called {' or '.join(gone)} any more")
        step = "bring the model back, or take its view out of releases: `headgate plan`, approve, apply"
    return HeadgateError(
        "feature views to publish",
        expected="every landed partition built into each of them, from what is landed and typed now",
        found="; ".join([*found, *_sentences(red)]),
        next_step=_look_at(red) if red else step,
    )


async def _not_proven(
    connection: Connection, unproven: list[asyncpg.Record], subject: str, outcome: str
) -> GateFailed:
    gates = sorted({row["gate"] for row in unproven if row["gate"]})
    failed = await _failed_gates(connection, unproven)
    silent = [gate for gate in gates if gate not in {row["gate"] for row in failed}]
    found = _sentences(failed)
    if silent and not failed:
        found.append(f"no verdict of {', '.join(silent[:NAMED])}" + _more(silent))
    return GateFailed(
        subject,
        expected="every gate of each load that it rests on run and passed since the last build",
        found="; ".join([*found, f"no proof for {_named(unproven)}", outcome]),
        next_step=_look_at(failed) if failed else _run(silent),
    )


async def _failed_gates(connection: Connection, unproven: list[asyncpg.Record]) -> list[asyncpg.Record]:
    """Of gates without a verdict those whose newest result is a failure."""
    gates = sorted({row["gate"] for row in unproven if row["gate"]})
    unnamed = sorted({row["model"] for row in unproven if not row["gate"]})
    return list(await connection.fetch(proof.FAILED_GATES, gates, unnamed))


def _sentences(failed: list[asyncpg.Record]) -> list[str]:
    found = [
        f"gate {row['gate']} on {row['model']}"
        + (f" failed for {number_of(row['failures'], 'row')}" if row["failures"] else " could not run")
        for row in failed[:NAMED]
    ]
    return [*found, f"and {len(failed) - NAMED} more"] if len(failed) > NAMED else found


def _run(silent: list[str]) -> str:
    """How gates get a verdict. A build that another gate stopped skips what stands behind that one again."""
    if not silent:
        return "run `dbt build` (or `dbt test`) so that the gates that were skipped run"
    return f"run `dbt test --select {' '.join(silent)}`: gates that a build skipped run by themselves"


def _look_at(failed: list[asyncpg.Record]) -> str:
    return f"run `headgate gates show {failed[0]['gate']}` to see the rows and the ways out"


def _named(rows: list[asyncpg.Record]) -> str:
    """The first findings as model and partition, and how many more."""
    starts = [(row["model"], row["partition_start"]) for row in rows]
    named = list(
        dict.fromkeys(f"{model} {began(start):%Y-%m-%dT%H}" if start else model for model, start in starts)
    )
    return ", ".join(named[:NAMED]) + _more(named)


def _more(named: Sequence[str]) -> str:
    return f", and {len(named) - NAMED} more" if len(named) > NAMED else ""
