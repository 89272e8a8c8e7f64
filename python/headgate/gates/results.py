"""Results of gates: what dbt's on-run-end hook wrote to ops.gate_results and ops.gate_failures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg

from headgate.errors import GateFailed, UsageError
from headgate.report import number_of

FAILED = ("fail", "error")
FOUND = (*FAILED, "warn")
#: How many failed gates an error names before it says how many more there are.
NAMED_GATES = 5


@dataclass(frozen=True, kw_only=True)
class GateResult:
    """What one gate said in one run."""

    gate: str
    #: The model that the gate stands behind; None for a gate over several.
    model: str | None
    #: pass, warn, fail, skipped, or error when the gate itself could not run.
    status: str
    #: How many rows broke the promise.
    failures: int | None
    #: The table that holds them until the gate runs again.
    failures_relation: str | None
    run_id: str
    ran_at: datetime
    #: The loads that the gate did not stop for, because somebody waived it.
    waived_loads: tuple[int, ...] = ()
    #: Why the gate could not run.
    reason: str | None = None

    @property
    def failed(self) -> bool:
        """Whether this result stopped what is downstream."""
        return self.status in FAILED

    def sentence(self) -> str:
        """Model, gate, number of rows and where they are kept, in one line."""
        model = f" on {self.model}" if self.model else ""
        if self.status == "error":
            reason = f": {' '.join(self.reason.split())}" if self.reason else ""
            return f"gate {self.gate}{model} could not run{reason}"
        rows = number_of(self.failures or 0, "row")
        kept = f", kept in {self.failures_relation}" if self.failures_relation else ""
        verb = "failed" if self.failed else "warned"
        return f"gate {self.gate}{model} {verb} for {rows}{kept}"

    def as_dict(self) -> dict[str, Any]:
        """The result for programs (`--json`)."""
        return {**asdict(self), "ran_at": self.ran_at.isoformat()}


if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]


async def latest(connection: Connection) -> list[GateResult]:
    """The newest result of every gate, failed ones first."""
    rows = await connection.fetch("""
        select * from (
            select distinct on (gate) * from ops.gate_results order by gate, ran_at desc
        ) as newest
        order by status not in ('fail', 'error'), model nulls last, gate
    """)
    return [GateResult(**row) for row in rows]


async def failed_since(connection: Connection, moment: datetime) -> list[GateResult]:
    """Gates that failed at or after `moment`, by the server's clock."""
    rows = await connection.fetch(
        """
        select * from ops.gate_results
        where ran_at >= $1 and status in ('fail', 'error')
        order by model nulls last, gate
        """,
        moment,
    )
    return [GateResult(**row) for row in rows]


async def newest_finding(connection: Connection, gate: str) -> GateResult | None:
    """The newest result of `gate` that failed or warned; None when there is none.

    Raises:
        UsageError: no gate of that name ever ran.
    """
    rows = await connection.fetch("select * from ops.gate_results where gate = $1 order by ran_at desc", gate)
    if not rows:
        raise UsageError(
            f"gate {gate}",
            expected="the name of a gate that ran",
            found="no result under that name",
            next_step="run `headgate gates` to see the names",
        )
    return next((result for result in (GateResult(**row) for row in rows) if result.status in FOUND), None)


async def failed_rows(connection: Connection, result: GateResult, limit: int) -> list[dict[str, Any]]:
    """The rows that one gate kept, in the order it found them."""
    rows = await connection.fetch(
        """
        select failed_row from ops.gate_failures
        where run_id = $1 and gate = $2
        order by row_number limit $3
        """,
        result.run_id,
        result.gate,
        limit,
    )
    return [json.loads(row["failed_row"]) for row in rows]


async def explanations(connection: Connection, results: Sequence[GateResult]) -> list[str]:
    """What failing rows say of themselves: the first `explanation` of each gate that has such a column."""
    rows = await connection.fetch(
        """
        select distinct on (gate) failed_row ->> 'explanation' as explanation
        from ops.gate_failures
        where (run_id, gate) in (select * from unnest($1::text[], $2::text[])) and failed_row ? 'explanation'
        order by gate, row_number
        """,
        [result.run_id for result in results],
        [result.gate for result in results],
    )
    return [row["explanation"] for row in rows]


def failure(
    results: Sequence[GateResult], *, block: str, log: Path, explained: Sequence[str] = ()
) -> GateFailed:
    """The error for gates that failed in a block of a pipeline; `explained`: see `explanations`."""
    results = sorted(results, key=lambda result: result.status == "error")
    named = [result.sentence() for result in results[:NAMED_GATES]]
    if len(results) > NAMED_GATES:
        named.append(f"and {len(results) - NAMED_GATES} more")
    gates = number_of(len(results), "gate")
    return GateFailed(
        f"{gates} in block {block}",
        expected="no failing rows",
        found="; ".join([*named, *explained, "nothing downstream was built"]),
        next_step=f"read {log} to see why"
        if results[0].status == "error"
        else f"run `headgate gates show {results[0].gate}` to see the rows and the ways out; "
        f"all else is in {log}",
    )
