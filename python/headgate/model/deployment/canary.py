"""A running challenger: its verdict by now, and what is done about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.errors import UsageError
from headgate.model import promotions, versions
from headgate.model.deployment import evidence, steps
from headgate.model.deployment.policy import CanaryPolicy, canary_policy
from headgate.model.deployment.state import State
from headgate.model.deployment.verdict import AS_GOOD, TOO_LITTLE, WORSE, Verdict, judge
from headgate.model.promotions import Promotion
from headgate.postgres.connection import Connection

#: Called with an event's name and its parts where an operator has to know.
Tell = Callable[..., None]


@dataclass(frozen=True, kw_only=True)
class Running:
    """A challenger beside its champion, judged."""

    model: str
    champion: int
    challenger: int
    share: float
    since: datetime
    age: timedelta
    policy: CanaryPolicy
    verdict: Verdict

    def as_dict(self) -> dict[str, Any]:
        """It for programs (`--json`)."""
        return {
            **{name: getattr(self, name) for name in ("model", "champion", "challenger", "share")},
            "since": self.since.isoformat(),
            "deadline": (self.since + self.policy.deadline).isoformat(),
            "policy": self.policy.as_dict(),
            **self.verdict.as_dict(),
        }


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a look at a challenger found, and what it did."""

    running: Running | None
    done: Promotion | None

    def as_dict(self) -> dict[str, Any]:
        """It for programs (`--json`)."""
        return {
            "canary": self.running and self.running.as_dict(),
            "done": self.done and self.done.as_dict(),
        }


async def running(connection: Connection, model: str, now: datetime | None = None) -> Running | None:
    """The challenger of a model with its verdict at `now`; None where none is deployed."""
    log = await promotions.history(connection, model)
    state = State.of(log[0] if log else None)
    if state.challenger is None or state.champion is None:
        return None
    began = next(row for row in log if row.action == "deploy" and row.version == state.challenger)
    version = await versions.find(connection, model, state.challenger)
    policy = canary_policy(version.manifest["options"])
    age = (now or datetime.now(UTC)) - began.happened_at
    found = await evidence.gather(connection, version, began)
    return Running(
        model=model,
        champion=state.champion,
        challenger=state.challenger,
        share=state.canary_share,
        since=began.happened_at,
        age=age,
        policy=policy,
        verdict=judge(found, policy, age, state.canary_share),
    )


async def deploy(
    connection: Connection,
    model: str,
    version: int | None,
    share: float | None,
    reason: str,
    *,
    asked: str,
) -> Promotion:
    """Deploys a version (default: the newest registered) at a share (default: the declared one).

    The champion's p95 is frozen with it: slow is what takes longer, by either version.

    Args:
        connection: not in a transaction.
        model: name of the model.
        version: what is deployed.
        share: of the keys that it answers.
        reason: why, for the log.
        asked: whose approval the project asks for now (`approvals.asked_by`).

    Raises:
        UsageError: as `steps.deploy`, or the share is none.
    """
    found = await versions.find(connection, model, version or await newest_registered(connection, model))
    policy = canary_policy(found.manifest["options"])
    if share is not None and not 0 <= share <= 1:
        raise UsageError(
            f"share of model {model}",
            expected="a share of the keys, from 0 to 1",
            found=f"{share:g}",
            next_step="name another one, or none for the declared share",
        )
    champion = State.of(await promotions.current(connection, model)).champion
    p95 = await evidence.p95_seconds(connection, model, champion) if champion else None
    return await steps.deploy(
        connection,
        model,
        found.version,
        policy.share if share is None else share,
        reason,
        {"champion_p95_seconds": p95, "canary": policy.as_dict()},
        asked=asked,
    )


async def promote(
    connection: Connection,
    model: str,
    version: int | None,
    reason: str,
    *,
    forced: bool,
    asked: str,
) -> Promotion:
    """Makes the challenger champion, or a version that is named where there is no champion or by force.

    Args:
        connection: not in a transaction.
        model: name of the model.
        version: default: the challenger.
        reason: why, for the log.
        forced: whether it is promoted without a verdict.
        asked: whose approval the project asks for now (`approvals.asked_by`).

    Raises:
        UsageError: as `steps.promote`, or no version is named and none is the challenger.
        GateFailed: the challenger is not shown to be as good.
    """
    found = await running(connection, model)
    state = State.of(await promotions.current(connection, model))
    number = version or (found.challenger if found else None)
    if number is None and state.champion is None:
        number = await newest_registered(connection, model)
    if number is None:
        raise UsageError(
            f"model {model}",
            expected="a challenger",
            found="none is deployed",
            next_step=f"run `headgate model deploy {model} VERSION` first",
        )
    verdict = found.verdict.as_dict() if found and found.challenger == number else None
    return await steps.promote(connection, model, number, reason, verdict=verdict, forced=forced, asked=asked)


async def look(
    connection: Connection,
    model: str,
    tell: Tell,
    now: datetime | None = None,
    *,
    asked: str,
) -> Outcome:
    """Judges the challenger; takes out what is worse or late, promotes what is as good where so declared.

    Args:
        connection: not in a transaction.
        model: name of the model.
        tell: called where an operator has to know.
        now: the instant at which it is judged.
        asked: whose approval the project asks for now (`approvals.asked_by`).

    Raises:
        UsageError: there is no model of that name, or the approval of what is to be promoted is missing.
    """
    await versions.find(connection, model)
    found = await running(connection, model, now)
    if found is None:
        return Outcome(running=None, done=None)
    verdict = found.verdict
    why = f"{verdict.verdict}: {'; '.join(verdict.reasons)}"
    if verdict.verdict == AS_GOOD:
        return Outcome(running=found, done=await _accept(connection, found, why, tell, asked))
    if verdict.verdict not in (WORSE, TOO_LITTLE) and found.age < found.policy.deadline:
        return Outcome(running=found, done=None)
    done = await steps.stop(
        connection, model, why, challenger=found.challenger, details={"verdict": verdict.as_dict()}
    )
    if done is not None:
        tell("canary_stopped", subject=f"{model} version {found.challenger}", message=why)
    return Outcome(running=found, done=done)


async def newest_registered(connection: Connection, model: str) -> int | None:
    """The newest version that is registered; None without any."""
    found = await versions.all_versions(connection, model)
    return next((version.version for version in found if version.registered_at), None)


async def _accept(
    connection: Connection, found: Running, why: str, tell: Tell, asked: str
) -> Promotion | None:
    if not found.policy.promote:
        return None
    verdict = found.verdict.as_dict()
    done = await steps.promote(connection, found.model, found.challenger, why, verdict=verdict, asked=asked)
    tell(
        "canary_promoted", is_problem=False, subject=f"{found.model} version {found.challenger}", message=why
    )
    return done
