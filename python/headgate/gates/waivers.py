"""Waivers: gates that do not stop for one load, because somebody said so."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

import asyncpg

from headgate.report import began

if TYPE_CHECKING:
    Connection = asyncpg.Connection[asyncpg.Record]

#: A waiver counts for as long as its load is the landed one: whatever lands in its place is stopped again.
ACTIVE = """
    select waivers.gate, waivers.load_id, loads.source, loads.partition_start, loads.partition_end,
        loads.status = 'landed' as is_in_force, decisions.reason, decisions.actor, decisions.decided_at
    from ops.gate_waivers as waivers
    inner join ops.decisions using (decision_id)
    inner join ops.loads on loads.load_id = waivers.load_id
    where $1::text is null or waivers.gate = $1
    order by waivers.gate, waivers.load_id
"""


@dataclass(frozen=True, kw_only=True)
class Waiver:
    """One gate that does not stop for one load."""

    gate: str
    load_id: int
    source: str
    partition_start: datetime
    partition_end: datetime
    #: False once the load was replaced or discarded.
    is_in_force: bool
    reason: str
    actor: str
    decided_at: datetime

    def sentence(self) -> str:
        """Gate, load, who, when and why, in one line."""
        return (
            f"gate {self.gate} for load {self.load_id} "
            f"({self.source} {began(self.partition_start):%Y-%m-%dT%H:%M}): {self.reason} "
            f"({self.actor}, {self.decided_at:%Y-%m-%d %H:%M} UTC)"
        )

    def as_dict(self) -> dict[str, Any]:
        """The waiver for programs (`--json`)."""
        instants = ("partition_start", "partition_end", "decided_at")
        return {**asdict(self), **{name: getattr(self, name).isoformat() for name in instants}}


async def waivers(connection: Connection, gate: str | None = None) -> list[Waiver]:
    """Every waiver that nobody took back, of one gate or of all."""
    return [Waiver(**row) for row in await connection.fetch(ACTIVE, gate)]
