"""The append-only log of what is deployed, `ops.promotions`: the newest row of a model is its state."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection

#: Notified with the model's name after each promotion; servers listen.
CHANNEL = "headgate_promotions"


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """One row of the log: what was done, and what is deployed since."""

    promotion_id: int
    model: str
    happened_at: datetime
    actor: str
    #: register, approve, deploy, shift (of a canary's share), promote, rollback or stop (of a canary, or all)
    action: str
    version: int
    champion: int | None
    challenger: int | None
    #: The share of keys that the challenger answers; 0 while it is in the shadow only.
    canary_share: float
    release_id: int | None
    reason: str
    details: dict[str, Any]

    def as_dict(self) -> dict[str, Any]:
        """The promotion for programs (`--json`)."""
        return {**self.__dict__, "happened_at": self.happened_at.isoformat()}


async def append(
    connection: Connection,
    model: str,
    action: str,
    version: int,
    *,
    champion: int | None,
    challenger: int | None,
    canary_share: float,
    reason: str,
    details: Mapping[str, Any] | None = None,
) -> Promotion:
    """Writes one row and tells the servers; the caller holds the lock `model NAME`."""
    row = await connection.fetchrow(
        """
        insert into ops.promotions (
            model, actor, action, version, champion, challenger, canary_share, release_id, reason, details
        )
        values ($1, $2, $3, $4, $5, $6, $7, (select release_id from feature_store.active_release), $8, $9)
        returning *, pg_notify($10, $1)
        """,
        model,
        await actor(connection),
        action,
        version,
        champion,
        challenger,
        canary_share,
        reason,
        json.dumps(dict(details or {})),
        CHANNEL,
    )
    assert row is not None
    return _promotion(row)


async def current(connection: Connection, model: str) -> Promotion | None:
    """What is deployed of a model now; None before anything happened."""
    return await at(connection, model, None)


async def at(connection: Connection, model: str, instant: datetime | None) -> Promotion | None:
    """What was deployed of a model at an instant, by default now; None before anything happened."""
    row = await connection.fetchrow(
        """
        select * from ops.promotions where model = $1 and happened_at <= coalesce($2::timestamptz, 'infinity')
        order by promotion_id desc limit 1
        """,
        model,
        instant,
    )
    return _promotion(row) if row else None


async def history(connection: Connection, model: str | None = None) -> list[Promotion]:
    """The log of one model or of all, newest first."""
    rows = await connection.fetch(
        "select * from ops.promotions where $1::text is null or model = $1 order by promotion_id desc", model
    )
    return [_promotion(row) for row in rows]


def _promotion(row: asyncpg.Record) -> Promotion:
    values = {name: row[name] for name in Promotion.__dataclass_fields__}
    return Promotion(**{**values, "details": json.loads(row["details"])})
