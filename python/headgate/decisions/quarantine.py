"""Quarantined records that somebody accepts or discards; neither is typed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from headgate.decisions import log
from headgate.decisions.radius import Load, forget_proof, read_load
from headgate.errors import UsageError
from headgate.postgres.connection import Connection
from headgate.store.views import quoted

Verb = Literal["accept", "discard", "reopen"]
ACTIONS = {"accept": "accept records", "discard": "discard records", "reopen": "reopen records"}
#: Verb -> what stands of a record afterwards; None for no decision.
DECISIONS = {"accept": "accepted", "discard": "discarded", "reopen": None}

#: The quarantine of a source beside the landed loads and what was decided. {quarantine} is its table.
RECORDS = """
    select
        loads.load_id,
        loads.source,
        quarantine.partition_start,
        quarantine.line_number,
        quarantine.record_type,
        quarantine.reasons,
        decided.decision,
        decided.decision_id
    from {quarantine} as quarantine
    inner join ops.loads
        on
            loads.partition_start = quarantine.partition_start
            and loads.contract_source = $1
            and loads.status = 'landed'
    left join ops.record_decisions as decided
        on decided.load_id = loads.load_id and decided.line_number = quarantine.line_number
    where
        ($2::bigint is null or loads.load_id = $2)
        and ($3::integer[] is null or quarantine.line_number = any($3))
        and (
            $4::text is null
            or exists (select from unnest(quarantine.reasons) as reason where position($4 in reason) > 0)
        )
        and ($5::text is null or quarantine.record_type = $5)
"""
CONTRACT_SOURCES = "select distinct contract_source from ops.loads order by contract_source"
GROUPED = f"""
    select load_id, source, partition_start, record_type, reasons, coalesce(decision, 'open') as state,
        count(*) as records, min(line_number) as first_line
    from ({RECORDS}) as records
    group by load_id, source, partition_start, record_type, reasons, decision
    order by load_id desc, records desc, record_type, reasons
"""
ONE = """
    select quarantine.*, decided.decision, decisions.reason as decision_reason, decisions.actor,
        decisions.decided_at
    from {quarantine} as quarantine
    left join ops.record_decisions as decided
        on decided.load_id = $2 and decided.line_number = quarantine.line_number
    left join ops.decisions using (decision_id)
    where quarantine.partition_start = $1 and quarantine.line_number = $3
"""
BUILT = """
    select load_id from ops.built_partitions where model = $1 and source = $2 and partition_start = $3
"""
DECIDE = """
    insert into ops.record_decisions (load_id, line_number, decision, decision_id)
    select $1, line_number, $3, $4 from unnest($2::integer[]) as line_number
    on conflict (load_id, line_number) do update set
        decision = excluded.decision, decision_id = excluded.decision_id
"""
REOPEN = "delete from ops.record_decisions where load_id = $1 and line_number = any($2)"


@dataclass(frozen=True, kw_only=True)
class Selection:
    """Which quarantined records of a load; what is None does not narrow it."""

    lines: Sequence[int] | None = None
    #: Text that one of the reasons contains.
    matching: str | None = None
    record_type: str | None = None

    @property
    def arguments(self) -> tuple[list[int] | None, str | None, str | None]:
        """For RECORDS."""
        return (list(self.lines) if self.lines else None, self.matching, self.record_type)


@dataclass(frozen=True, kw_only=True)
class RecordChange:
    """Quarantined records of one load that a decision is about."""

    verb: Verb
    load: Load
    #: Lines that are not decided so already.
    lines: list[int]
    #: How many are quarantined in this load: all, accepted, discarded.
    quarantined: int
    accepted: int
    discarded: int
    #: Reason -> records that have it, of those in `lines`.
    reasons: dict[str, int]

    @property
    def is_needed(self) -> bool:
        """False when every chosen record is decided so already."""
        return bool(self.lines)

    def as_dict(self) -> dict[str, Any]:
        """The change for programs (`--json`)."""
        return {
            "action": ACTIONS[self.verb],
            "load": self.load.as_dict(),
            "is_needed": self.is_needed,
            "records": len(self.lines),
            "line_numbers": self.lines,
            "reasons": self.reasons,
            "quarantined": self.quarantined,
            "accepted": self.accepted,
            "discarded": self.discarded,
        }


async def groups(
    connection: Connection, contract_source: str | None, load_id: int | None, selection: Selection
) -> list[dict[str, Any]]:
    """Quarantined records by load, type, reasons and what was decided; newest loads first.

    None as source or load stands for all.
    """
    names = [row["contract_source"] for row in await connection.fetch(CONTRACT_SOURCES)]
    found: list[dict[str, Any]] = []
    for source in names if contract_source is None else [contract_source]:
        if (table := await _table(connection, source)) is not None:
            query = GROUPED.format(quarantine=table)
            found += map(dict, await connection.fetch(query, source, load_id, *selection.arguments))
    return sorted(found, key=lambda group: -group["load_id"])


async def one(connection: Connection, load_id: int, line: int) -> dict[str, Any]:
    """One quarantined record, whole, with its reasons and what was decided.

    Raises:
        UsageError: no such record is in quarantine.
    """
    load, table = await _typed(connection, load_id)
    row = await connection.fetchrow(ONE.format(quarantine=table), load.partition_start, load_id, line)
    if row is None:
        raise UsageError(
            f"line {line} of load {load_id}",
            expected="a quarantined record",
            found="none",
            next_step=f"run `headgate quarantine list {load.contract_source} --load {load_id}`",
        )
    return {**dict(row), "load_id": load_id, "record": json.loads(row["record"])}


async def plan(connection: Connection, verb: Verb, load_id: int, selection: Selection) -> RecordChange:
    """Which records a decision would change.

    Raises:
        UsageError: no such load, it is not typed, or no quarantined record is chosen.
    """
    load, table = await _typed(connection, load_id)
    query = RECORDS.format(quarantine=table)
    everything = await connection.fetch(query, load.contract_source, load_id, None, None, None)
    chosen = await connection.fetch(query, load.contract_source, load_id, *selection.arguments)
    if not chosen:
        raise UsageError(
            load.title,
            expected="quarantined records that are chosen",
            found=f"none of {len(everything)}" if everything else "no quarantined record",
            next_step=f"run `headgate quarantine list {load.contract_source} --load {load_id}`",
        )
    changed = [row for row in chosen if row["decision"] != DECISIONS[verb]]
    reasons: dict[str, int] = {}
    for row in changed:
        for reason in row["reasons"]:
            reasons[reason] = reasons.get(reason, 0) + 1
    return RecordChange(
        verb=verb,
        load=load,
        lines=sorted(row["line_number"] for row in changed),
        quarantined=len(everything),
        accepted=sum(row["decision"] == "accepted" for row in everything),
        discarded=sum(row["decision"] == "discarded" for row in everything),
        reasons=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
    )


async def carry_out(
    connection: Connection, verb: Verb, load_id: int, selection: Selection, reason: str
) -> RecordChange:
    """Decides on the chosen records in one transaction; what it changed.

    Raises:
        UsageError: as in `plan`.
    """
    async with connection.transaction():
        await read_load(connection, load_id, lock=True)
        change = await plan(connection, verb, load_id, selection)
        if change.is_needed:
            number = await log.record(connection, ACTIONS[verb], load_id, reason, line_numbers=change.lines)
            if verb == "reopen":
                await connection.execute(REOPEN, load_id, change.lines)
                await forget_proof(connection, load_id)
            else:
                await connection.execute(DECIDE, load_id, change.lines, DECISIONS[verb], number)
        return change


async def _typed(connection: Connection, load_id: int) -> tuple[Load, str]:
    """A landed load that the quarantine holds as it is landed, and the quarantine's table."""
    load = await read_load(connection, load_id)
    table = await _table(connection, load.contract_source)
    built = None
    if table is not None:
        model = f"stg_{load.contract_source}__quarantine"
        built = await connection.fetchval(BUILT, model, load.contract_source, load.partition_start)
    if load.status != "landed" or table is None or built != load_id:
        landed = load.status == "landed"
        raise UsageError(
            load.title,
            expected="a landed load that was held against its contract",
            found="one that no build has seen" if landed else f"one that is {load.status}",
            next_step="run `headgate run build_features` (or `dbt build`)"
            if landed
            else "run `headgate loads list --status landed` to see them",
        )
    return load, table


async def _table(connection: Connection, contract_source: str) -> str | None:
    """The quarantine of a source; None where nothing was built."""
    table = f"typed.{quoted(f'stg_{contract_source}__quarantine')}"
    found = await connection.fetchval("select to_regclass($1)", table)
    return table if found is not None else None
