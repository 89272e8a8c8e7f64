"""What can be done about a gate that stops: told from the rows that it kept."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from headgate.gates.results import GateResult, failed_rows

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

#: How many loads are named.
NAMED = 3
#: What to say of rows that name no load: the gate cannot be waived for one.
UNTIED = [
    "Its rows name no load, so that a waiver may not help. If a load is the cause: headgate loads list, then",
    "headgate loads discard N. If a model or a contract is: correct it, then build again.",
]

#: The landed loads that kept rows belong to, as macros/gates/waived_loads.sql ties them.
LOADS = """
    with kept as (
        select
            (failed_row ->> 'load_id')::bigint as load_id,
            (failed_row ->> 'partition_start')::timestamptz as partition_start,
            failed_row ->> 'source_name' as source_name,
            (failed_row ->> 'as_of')::timestamptz as as_of
        from ops.gate_failures
        where run_id = $1 and gate = $2
    )

    select loads.load_id, loads.contract_source, count(*) as rows
    from kept
    inner join ops.loads
        on loads.status = 'landed'
        and case
            when kept.load_id is not null then loads.load_id = kept.load_id
            when kept.partition_start is not null
                then loads.partition_start = kept.partition_start
                    and coalesce(kept.source_name in (loads.source, loads.contract_source), true)
                    and coalesce(loads.contract_source = any($3), true)
            else kept.as_of > loads.partition_start and kept.as_of <= loads.partition_end
                and coalesce(loads.contract_source = any($3), true)
        end
    group by loads.load_id, loads.contract_source
    order by loads.load_id
"""


@dataclass(frozen=True)
class TiedLoad:
    """A load that failing rows of a gate belong to, and how many of those kept."""

    load_id: int
    source: str
    rows: int


async def tied_loads(connection: Connection, result: GateResult) -> list[TiedLoad]:
    """The landed loads that the kept rows of a gate belong to."""
    # The name of a staging model says whose records the gate is about.
    source = re.match(r"stg_(.+?)__", result.model or "")
    sources = [source.group(1)] if source else None
    rows = await connection.fetch(LOADS, result.run_id, result.gate, sources)
    return [TiedLoad(row["load_id"], row["contract_source"], row["rows"]) for row in rows]


async def ways_out(connection: Connection, result: GateResult) -> list[str]:
    """What helps against a gate that failed, a line each: commands that can be copied, and what each does."""
    loads = await tied_loads(connection, result)
    rows = await failed_rows(connection, result, 1)
    found = _of_quarantine(loads[:NAMED]) if rows and "quarantined_count" in rows[0] else []
    for load in loads[:NAMED]:
        found += [
            f'headgate gates waive {result.gate} --load {load.load_id} --reason "..."    # pass for it alone',
            f'headgate loads discard {load.load_id} --reason "..."    # leave the load out',
        ]
    if len(loads) > NAMED:
        found.append(f"and {len(loads) - NAMED} more loads")
    return found or UNTIED


def _of_quarantine(loads: list[TiedLoad]) -> list[str]:
    return [
        f"headgate quarantine list {load.source} --load {load.load_id}    # why; then accept or discard"
        for load in loads
    ] + [
        f"headgate replay {source}    # after correcting the contract: types them again"
        for source in dict.fromkeys(load.source for load in loads)
    ]
