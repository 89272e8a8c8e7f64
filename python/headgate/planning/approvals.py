"""Who allowed which breaking changes: `ops.approvals`."""

from __future__ import annotations

import json

from headgate.errors import HeadgateError, UsageError
from headgate.planning.plan import Plan
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection
from headgate.store import ledger


async def approve(connection: Connection, plan: Plan, plan_hash: str) -> None:
    """Stores a plan as approved.

    Raises:
        UsageError: the hash is not the present plan's, or nothing in it needs approval.
        HeadgateError: the plan has problems that no approval puts right.
    """
    require_sound(plan)
    if plan_hash != plan.hash:
        raise UsageError(
            f"plan {plan_hash}",
            expected=f"the hash of the present plan, {plan.hash}",
            found="another one: what is declared or deployed has changed since",
            next_step="run `headgate plan` and read it again",
        )
    if not plan.breaking:
        raise UsageError(
            f"plan {plan_hash}",
            expected="a breaking change in it",
            found="none: it needs no approval",
            next_step="headgate apply --yes",
        )
    async with connection.transaction():
        await connection.execute(
            "insert into ops.approvals (plan_hash, approved_by, plan) values ($1, $2, $3)"
            # The audit log keeps who approved the same changes before, that were applied.
            " on conflict (plan_hash) do update"
            " set approved_at = default, approved_by = excluded.approved_by, plan = excluded.plan,"
            " applied_at = null, applied_release = null"
            " where approvals.applied_at is not null",
            plan.hash,
            await actor(connection),
            json.dumps({"changes": [change.as_dict() for change in plan.changes]}),
        )
        active = await ledger.active_release(connection)
        await ledger.add_event(connection, "approve", active, active, {"plan": plan.hash})


async def is_approved(connection: Connection, plan: Plan) -> bool:
    """Whether exactly this plan was approved, and not applied since."""
    found: bool = await connection.fetchval(
        "select exists (select from ops.approvals where plan_hash = $1 and applied_at is null)", plan.hash
    )
    return found


def require_sound(plan: Plan) -> None:
    """Refuses a plan that has to be put right first.

    Raises:
        HeadgateError: a contract changed without raising its version, or keys of a published view changed.
    """
    if plan.problems:
        raise HeadgateError(
            f"plan {plan.hash}",
            expected="changes that can be carried out",
            found="; ".join(plan.problems),
            next_step="correct that and plan again",
        )
