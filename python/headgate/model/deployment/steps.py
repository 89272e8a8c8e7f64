"""The steps of a deployment, each one row of the log in one transaction: what is refused, and why."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from headgate.errors import GateFailed, UsageError
from headgate.model import promotions, versions
from headgate.model.deployment import approvals, fit
from headgate.model.deployment.state import State, former_champion
from headgate.model.promotions import Promotion
from headgate.model.versions import ModelVersion
from headgate.postgres import locks
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection
from headgate.store import ledger
from headgate.store import rollback as releases


@dataclass(frozen=True, kw_only=True)
class Change:
    """One step that is about to be written."""

    connection: Connection
    model: str
    before: State

    async def write(
        self,
        action: str,
        version: int,
        after: State,
        reason: str,
        details: Mapping[str, Any] | None = None,
    ) -> Promotion:
        """Appends the step to the log."""
        return await promotions.append(
            self.connection,
            self.model,
            action,
            version,
            **after.__dict__,
            reason=reason,
            details=details,
        )


@asynccontextmanager
async def change(connection: Connection, model: str, *, fits: bool = False) -> AsyncIterator[Change]:
    """One transaction: nobody else changes what is deployed of a model, nor the release it has to fit."""
    await versions.find(connection, model)
    release = (ledger.LOCK,) if fits else ()
    async with locks.held(connection, f"model {model}", *release), connection.transaction():
        state = State.of(await promotions.current(connection, model))
        yield Change(connection=connection, model=model, before=state)


async def register(connection: Connection, model: str, version: int, reason: str) -> ModelVersion:
    """Registers a version that passed its gates, and writes so; does nothing when it is already.

    Raises:
        UsageError: there is no such version, or a gate did not let it pass.
    """
    async with change(connection, model) as step:
        found = await versions.find(connection, model, version)
        registered = await versions.register(connection, model, version)
        if found.registered_at is None:
            await step.write("register", version, step.before, reason, _gates(registered))
    return registered


async def approve(connection: Connection, model: str, version: int, reason: str, *, asked: str) -> Promotion:
    """Records that a person lets a registered version be deployed.

    Args:
        connection: not in a transaction.
        model: name of the model.
        version: what is approved.
        reason: why, for the log.
        asked: whose approval the project asks for now (`approvals.asked_by`).

    Raises:
        UsageError: the version is not registered, or was trained by who approves it and needs another person.
    """
    async with change(connection, model) as step:
        found = await _registered(connection, model, version)
        approvals.require_may_approve(found, await actor(connection), asked)
        return await step.write("approve", version, step.before, reason, _gates(found))


async def deploy(
    connection: Connection,
    model: str,
    version: int,
    share: float,
    reason: str,
    details: Mapping[str, Any],
    *,
    asked: str,
) -> Promotion:
    """Deploys a version as challenger: in the shadow at share 0, else as canary. The first becomes champion.

    Args:
        connection: not in a transaction.
        model: name of the model.
        version: what is deployed.
        share: of the keys that it answers.
        reason: why, for the log.
        details: what the log keeps of the champion and of how the canary is judged.
        asked: whose approval the project asks for now (`approvals.asked_by`).

    Raises:
        UsageError: it is not registered, approved or fit for the release, another challenger runs, or the
            champion cannot answer beside it.
    """
    async with change(connection, model, fits=True) as step:
        found = await _deployable(connection, model, version, asked)
        before = step.before
        if before.champion is None:
            after = State(champion=version)
            return await step.write("deploy", version, after, f"first champion: {reason}", _gates(found))
        _require_room(model, version, before)
        champion = await versions.find(connection, model, before.champion)
        await _require_answers(connection, champion, version)
        fit.require_same_requests(champion, found)
        after = replace(before, challenger=version, canary_share=share)
        action = "shift" if before.challenger == version else "deploy"
        return await step.write(action, version, after, reason, {**_gates(found), **details})


async def promote(
    connection: Connection,
    model: str,
    version: int,
    reason: str,
    *,
    verdict: Mapping[str, Any] | None,
    forced: bool = False,
    asked: str,
) -> Promotion:
    """Makes a version champion.

    Args:
        connection: not in a transaction.
        model: name of the model.
        version: the challenger, or any version that can be deployed where there is no champion or by force.
        reason: why, for the log.
        verdict: what the evidence says of the challenger (`Verdict.as_dict`).
        forced: whether it is promoted without a verdict.
        asked: whose approval the project asks for now (`approvals.asked_by`).

    Raises:
        UsageError: it cannot be deployed, is champion already, or is not the challenger.
        GateFailed: it is not shown to be as good as the champion.
    """
    async with change(connection, model, fits=True) as step:
        found = await _deployable(connection, model, version, asked)
        before = step.before
        if before.champion == version:
            raise _refused(model, version, "a version that is not champion", "the champion", "status")
        if before.champion is not None and not forced:
            _require_verdict(model, version, before, verdict)
        record = {
            **_gates(found),
            "verdict": verdict,
            "forced": forced,
            "approval": await _approval(connection, found, asked),
        }
        return await step.write("promote", version, State(champion=version), reason, record)


async def stop(
    connection: Connection, model: str, reason: str, *, challenger: int, details: Mapping[str, Any]
) -> Promotion | None:
    """Takes a challenger out of service; None where it is not the challenger any more."""
    async with change(connection, model) as step:
        if step.before.challenger != challenger:
            return None
        after = State(champion=step.before.champion)
        return await step.write("stop", challenger, after, reason, details)


async def undeploy(connection: Connection, model: str, reason: str) -> Promotion:
    """Takes a model out of service as a whole: servers answer no more, and no release has to fit it.

    Raises:
        UsageError: nothing is deployed.
    """
    async with change(connection, model) as step:
        if step.before.champion is None:
            raise UsageError(
                f"model {model}",
                expected="a champion to take out of service",
                found="nothing is deployed",
                next_step=f"see `headgate model status {model}`",
            )
        return await step.write("stop", step.before.champion, State(), reason, {"from": step.before.__dict__})


async def roll_back(
    connection: Connection, model: str, to: int | None, reason: str, *, release: int | None = None
) -> Promotion:
    """Undoes the newest step: takes the challenger out, or returns to the champion before.

    Args:
        connection: not in a transaction.
        model: name of the model.
        to: the version to return to; takes a challenger out as well.
        reason: why, for the log.
        release: the release to move to in the same transaction; None leaves the active one.

    Raises:
        UsageError: there is nothing to return to, or model and release do not fit.
    """
    await versions.find(connection, model)
    async with locks.held(connection, f"model {model}", ledger.LOCK):
        state = State.of(await promotions.current(connection, model))
        target = await versions.find(connection, model, await _target(connection, model, state, to))
        active = await ledger.active_release(connection)
        moves = release is not None and release != active
        # A challenger goes whatever becomes of the champion, which stays what it is.
        if moves or target.version != state.champion:
            await fit.require_fit(connection, target, release if moves else active)
        async with connection.transaction(isolation="repeatable_read"):
            if moves and release is not None:
                await fit.require_champions_fit(connection, release, fit.MOVE_BOTH, but=model)
                await releases.move_within(connection, release, expected_active=active or 0)
            step = Change(connection=connection, model=model, before=state)
            details = {"from": state.__dict__, "from_release": active}
            return await step.write(
                "rollback", target.version, State(champion=target.version), reason, details
            )


async def rollback_target(connection: Connection, model: str, to: int | None) -> ModelVersion:
    """The version that a rollback would return to.

    Raises:
        UsageError: there is none.
    """
    state = State.of(await promotions.current(connection, model))
    return await versions.find(connection, model, await _target(connection, model, state, to))


async def _target(connection: Connection, model: str, state: State, to: int | None) -> int:
    log = list(reversed(await promotions.history(connection, model)))
    if to is not None:
        if all(to != row.champion for row in log):
            raise _refused(model, to, "a version that was champion", "one that never was", "show")
        return to
    if state.challenger is not None and state.champion is not None:
        return state.champion
    former = former_champion(log)
    if former is None:
        raise UsageError(
            f"rollback of model {model}",
            expected="a champion before the present one",
            found="none" if state.champion else "nothing is deployed",
            next_step=f"see `headgate model status {model}`, or deploy another version",
        )
    return former


async def _deployable(connection: Connection, model: str, version: int, asked: str) -> ModelVersion:
    found = await _registered(connection, model, version)
    await approvals.require(connection, found, asked)
    await fit.require_fit(connection, found, await ledger.active_release(connection))
    return found


async def _registered(connection: Connection, model: str, version: int) -> ModelVersion:
    found = await versions.find(connection, model, version)
    if found.registered_at is not None:
        return found
    failed = [_sentence(gate) for gate in found.gates if gate.get("verdict") == "failed"]
    if not found.passed:
        raise _refused(
            model, version, "a version that passed its gates", "; ".join(failed) or "one that did not", "show"
        )
    raise UsageError(
        f"model {model} version {version}",
        expected="a registered version",
        found="one that passed its gates and was not registered",
        next_step=f"run `headgate model register {model} {version}`",
    )


def _require_room(model: str, version: int, before: State) -> None:
    if before.champion == version:
        raise _refused(model, version, "a version that is not champion", "the champion", "status")
    if before.challenger not in (None, version):
        raise UsageError(
            f"model {model} version {version}",
            expected="no other challenger",
            found=f"version {before.challenger} with a share of {before.canary_share:.0%}",
            next_step=f"take it out first: `headgate model rollback {model}`",
        )


async def _require_answers(connection: Connection, champion: ModelVersion, version: int) -> None:
    """Refuses a challenger beside a champion that servers refuse: nothing would be compared."""
    release = await ledger.active_release(connection)
    if reasons := await fit.reasons_against(connection, champion, release):
        raise UsageError(
            f"model {champion.model} version {version}",
            expected=f"a champion that fits release {release}, to be compared with",
            found=f"version {champion.version}, which does not: {'; '.join(reasons)}",
            next_step="put it in the champion's place: "
            f"`headgate model promote {champion.model} {version} --force --why '...'`",
        )


def _require_verdict(model: str, version: int, before: State, verdict: Mapping[str, Any] | None) -> None:
    if before.challenger != version:
        raise UsageError(
            f"model {model} version {version}",
            expected="the challenger" if before.challenger else "a challenger that was compared",
            found=f"version {before.challenger} is" if before.challenger else "none is deployed",
            next_step=f"run `headgate model deploy {model} {version}` first",
        )
    if verdict is None or verdict["verdict"] != "as good":
        found = f"{verdict['verdict']}: {'; '.join(verdict['reasons'])}" if verdict else "no evidence"
        raise GateFailed(
            f"model {model} version {version}",
            expected=f"to be shown as good as the champion, version {before.champion}",
            found=found,
            next_step=f"wait for more predictions and labels (`headgate model status {model}`), "
            "or promote with --force and a reason",
        )


def _refused(model: str, version: int, expected: str, found: str, look: str) -> UsageError:
    return UsageError(
        f"model {model} version {version}",
        expected=expected,
        found=found,
        next_step=f"see `headgate model {look} {model}`",
    )


async def _approval(connection: Connection, version: ModelVersion, asked: str) -> dict[str, Any] | None:
    given = (await approvals.approval_of(connection, version, asked)).given
    if given is None:
        return None
    return {"actor": given.actor, "at": given.happened_at.isoformat(), "why": given.reason}


def _gates(version: ModelVersion) -> dict[str, Any]:
    return {"gates": version.gates}


def _sentence(gate: Mapping[str, Any]) -> str:
    return f"{gate['gate']}: {gate.get('reason') or 'failed'}"
