"""Loads that somebody discards, and restores: their records stay raw, and models hold nothing of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from headgate.decisions import log
from headgate.decisions.radius import Load, Radius, radius_of, read_load
from headgate.errors import UsageError
from headgate.postgres.connection import Connection
from headgate.postgres.locks import landing_lock, take

Verb = Literal["discard", "restore"]
ACTIONS = {"discard": "discard load", "restore": "restore load"}
#: Verb -> the status that a load has before, and after.
STATUSES = {"discard": ("landed", "discarded"), "restore": ("discarded", "landed")}

IN_THE_WAY = """
    select load_id from ops.loads
    where
        source = $1 and entity = $2 and status = 'landed' and not appended
        and partition_start < $4 and partition_end > $3
    order by load_id
    limit 1
"""
LISTED = """
    select loads.*, decided.reason, decided.actor, decided.decided_at
    from (
        select load_id, source, entity, contract_source, partition_start, partition_end, uri, status,
            appended, rows_landed, rows_rejected, finished_at
        from ops.loads
        where
            ($1::text is null or $1 in (source, contract_source))
            and ($2::text is null or status = $2)
        order by load_id desc
        limit $3
    ) as loads
    left join lateral (
        select reason, actor, decided_at from ops.decisions
        where decisions.load_id = loads.load_id and loads.status = 'discarded' and action = 'discard load'
        order by decision_id desc
        limit 1
    ) as decided on true
    order by loads.load_id desc
"""


@dataclass(frozen=True, kw_only=True)
class LoadChange:
    """A load that is to be discarded or restored; nothing to do when it is so already."""

    verb: Verb
    load: Load
    radius: Radius

    @property
    def is_needed(self) -> bool:
        """False when the load is what it shall be already."""
        return self.load.status != STATUSES[self.verb][1]

    def as_dict(self) -> dict[str, Any]:
        """The change for programs (`--json`)."""
        return {
            "action": ACTIONS[self.verb],
            "load": self.load.as_dict(),
            "is_needed": self.is_needed,
            **self.radius.as_dict(),
        }


async def plan(connection: Connection, verb: Verb, load_id: int) -> LoadChange:
    """What discarding or restoring a load touches.

    Raises:
        UsageError: there is no such load, it never landed, or another one stands in its place.
    """
    load = await read_load(connection, load_id)
    await _require_possible(connection, verb, load)
    return LoadChange(verb=verb, load=load, radius=await radius_of(connection, load))


async def carry_out(connection: Connection, verb: Verb, load_id: int, reason: str) -> bool:
    """Discards or restores a load in one transaction; False when there was nothing to do.

    Raises:
        UsageError: as in `plan`.
    """
    async with connection.transaction():
        load = await read_load(connection, load_id)
        # Nobody lands this partition meanwhile.
        place = (load.source, load.entity, load.partition_start.isoformat())
        await take(connection, landing_lock(*place))
        load = await read_load(connection, load_id, lock=True)
        await _require_possible(connection, verb, load)
        if load.status == STATUSES[verb][1]:
            return False
        await connection.execute(
            "update ops.loads set status = $2 where load_id = $1", load_id, STATUSES[verb][1]
        )
        await log.record(connection, ACTIONS[verb], load_id, reason)
        return True


async def listed(
    connection: Connection, source: str | None, status: str | None, limit: int
) -> list[dict[str, Any]]:
    """The newest loads, each with who discarded it and why."""
    return [dict(row) for row in await connection.fetch(LISTED, source, status, limit)]


async def _require_possible(connection: Connection, verb: Verb, load: Load) -> None:
    if load.expired_at is not None:
        raise UsageError(
            load.title,
            expected="a load whose records are there",
            found=f"its records were removed on {load.expired_at:%Y-%m-%d}, as its source's retention says",
            next_step="land the file again with `headgate land --again` first, if it still is somewhere",
        )
    if load.status not in STATUSES[verb]:
        raise UsageError(
            load.title,
            expected="a load that landed" if verb == "discard" else "a load that was discarded",
            found=f"one that is {load.status}",
            next_step="build first: that closes it"
            if load.status == "open"
            else f"run `headgate loads list --status {STATUSES[verb][0]}` to see which can be {verb}ed",
        )
    if verb == "restore" and load.status == "discarded" and not load.appended:
        place = (load.source, load.entity, load.partition_start, load.partition_end)
        other = await connection.fetchval(IN_THE_WAY, *place)
        if other is not None:
            raise UsageError(
                load.title,
                expected="nothing landed in its place",
                found=f"load {other}",
                next_step=f"discard that one first: headgate loads discard {other}",
            )
