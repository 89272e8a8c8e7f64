"""Waiving a gate for one load, and taking that back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from headgate.decisions import log
from headgate.decisions.radius import Load, Radius, forget_proof, radius_of, read_load
from headgate.errors import UsageError
from headgate.gates import results
from headgate.gates.results import GateResult
from headgate.gates.ways_out import TiedLoad, tied_loads
from headgate.postgres.connection import Connection

Verb = Literal["waive", "unwaive"]
ACTIONS = {"waive": "waive gate", "unwaive": "stop waiving gate"}
STANDING = "select decision_id from ops.gate_waivers where gate = $1 and load_id = $2"


@dataclass(frozen=True, kw_only=True)
class WaiverChange:
    """A gate that is to be waived for a load, or no longer."""

    verb: Verb
    gate: str
    load: Load
    radius: Radius
    is_needed: bool
    #: The newest result that failed or warned, and the loads that its kept rows belong to.
    result: GateResult | None
    tied: list[TiedLoad]

    @property
    def rows(self) -> int:
        """How many of the rows that the gate kept are of this load."""
        return sum(tied.rows for tied in self.tied if tied.load_id == self.load.load_id)

    def as_dict(self) -> dict[str, Any]:
        """The change for programs (`--json`)."""
        return {
            "action": ACTIONS[self.verb],
            "gate": self.gate,
            "load": self.load.as_dict(),
            "is_needed": self.is_needed,
            "kept_rows_of_the_load": self.rows,
            "kept_rows_of_loads": {str(tied.load_id): tied.rows for tied in self.tied},
            **self.radius.as_dict(),
        }


async def plan(connection: Connection, verb: Verb, gate: str, load_id: int) -> WaiverChange:
    """What waiving a gate for a load, or no longer, touches.

    Raises:
        UsageError: no such load or gate, the load is not landed, or what the gate found is of other loads.
    """
    load = await read_load(connection, load_id)
    result = await results.newest_finding(connection, gate)
    tied = await tied_loads(connection, result) if result else []
    standing = await connection.fetchval(STANDING, gate, load_id) is not None
    if verb == "waive":
        _require_waivable(gate, load, result, tied)
    return WaiverChange(
        verb=verb,
        gate=gate,
        load=load,
        radius=await radius_of(connection, load),
        is_needed=standing != (verb == "waive"),
        result=result,
        tied=tied,
    )


async def carry_out(connection: Connection, verb: Verb, gate: str, load_id: int, reason: str) -> bool:
    """Waives a gate for a load, or no longer, in one transaction; False when there was nothing to do.

    Raises:
        UsageError: there is no such load, or a gate is to be waived for one that is not landed (any more).
    """
    async with connection.transaction():
        load = await read_load(connection, load_id, lock=True)
        if verb == "waive":
            _require_landed(load)
        standing = await connection.fetchval(STANDING, gate, load_id) is not None
        if standing == (verb == "waive"):
            return False
        decision = await log.record(connection, ACTIONS[verb], load_id, reason, gate=gate)
        if verb == "waive":
            await connection.execute(
                "insert into ops.gate_waivers (gate, load_id, decision_id) values ($1, $2, $3)",
                gate,
                load_id,
                decision,
            )
        else:
            await connection.execute(
                "delete from ops.gate_waivers where gate = $1 and load_id = $2", gate, load_id
            )
            await forget_proof(connection, load_id)
        return True


def _require_landed(load: Load) -> None:
    if load.status != "landed":
        raise UsageError(
            load.title,
            expected="a load that is landed: models hold nothing of others",
            found=f"one that is {load.status}",
            next_step="run `headgate loads list --status landed` to see them",
        )


def _require_waivable(gate: str, load: Load, result: GateResult | None, tied: list[TiedLoad]) -> None:
    _require_landed(load)
    if result is None or not tied or load.load_id in {one.load_id for one in tied}:
        return
    found = ", ".join(str(one.load_id) for one in tied[: results.NAMED_GATES])
    raise UsageError(
        f"gate {gate} for load {load.load_id}",
        expected="rows of this load among those that the gate kept",
        found=f"rows of load {found}",
        next_step=f"waive it for one of these, or run `headgate gates show {gate}` to see the rows",
    )
