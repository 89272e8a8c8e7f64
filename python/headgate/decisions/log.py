"""The log of decisions: who decided what, when and why. Rows are only ever added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from headgate.errors import UsageError
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One row of `ops.decisions`."""

    decision_id: int
    #: For instance `discard load`; see the migration that creates the table.
    action: str
    load_id: int
    gate: str | None
    #: How many records it is about; None for loads and gates.
    records: int | None
    reason: str
    #: The account on the machine and the role in the database.
    actor: str
    decided_at: datetime

    def sentence(self) -> str:
        """Who, when and why, in one line."""
        return f"{self.actor}, {self.decided_at:%Y-%m-%d %H:%M} UTC: {self.reason}"

    def as_dict(self) -> dict[str, Any]:
        """The decision for programs (`--json`)."""
        return {**asdict(self), "decided_at": self.decided_at.isoformat()}


COLUMNS = """
    decision_id, action, load_id, gate, cardinality(line_numbers) as records, reason, actor, decided_at
"""


async def record(
    connection: Connection,
    action: str,
    load_id: int,
    reason: str,
    *,
    gate: str | None = None,
    line_numbers: Sequence[int] | None = None,
) -> int:
    """Adds a decision in the caller's transaction; its number."""
    number: int = await connection.fetchval(
        "insert into ops.decisions (action, load_id, gate, line_numbers, reason, actor)"
        " values ($1, $2, $3, $4, $5, $6) returning decision_id",
        action,
        load_id,
        gate,
        line_numbers,
        reason,
        await actor(connection),
    )
    return number


async def of_load(connection: Connection, load_id: int) -> list[Decision]:
    """Every decision on a load, its records and its gates, oldest first."""
    rows = await connection.fetch(
        f"select {COLUMNS} from ops.decisions where load_id = $1 order by decision_id",
        load_id,
    )
    return [Decision(**row) for row in rows]


def require_reason(command: str, reason: str | None) -> str:
    """The reason that a command was given.

    Raises:
        UsageError: there is none.
    """
    if reason and reason.strip():
        return reason.strip()
    raise UsageError(
        command,
        expected="a reason, for whoever looks at it later",
        found="none",
        next_step='add --reason "..."',
    )
