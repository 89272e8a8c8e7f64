"""Carries out a plan: builds again what it must, behind all gates, drops what is gone, publishes."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from headgate.errors import ConfirmationRequired, HeadgateError, NothingBuiltError
from headgate.gates import results
from headgate.landing.replay import replay_quarantined
from headgate.planning import dbt
from headgate.planning.approvals import is_approved, require_sound
from headgate.planning.deployed import BuiltModel
from headgate.planning.plan import Plan
from headgate.planning.publishing import publish_project
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.store.ledger import newest_release

#: Models and gates; unit tests look at the code, and belong to those who change it.
BUILD = ["build", "--exclude-resource-type", "unit_test"]
#: What a model leaves in the ledger of builds.
TRACES = ("ops.built_partitions", "ops.certified_partitions", "ops.verdicts", "ops.deployed_models")


@dataclass(frozen=True)
class Applied:
    """What carrying out a plan led to; `release` is None when nothing had to be published."""

    plan: Plan
    release: int | None
    #: The release that holds all of it already, and that a rollback left.
    left: int | None


async def require_leave(connection: Connection, plan: Plan, *, confirmed: bool) -> None:
    """Refuses to carry out a plan that is unsound, not approved, or not confirmed.

    Raises:
        HeadgateError: see `require_sound`.
        ConfirmationRequired: it breaks something and was not approved, or `--yes` is missing.
    """
    require_sound(plan)
    if plan.breaking and not await is_approved(connection, plan):
        raise ConfirmationRequired(
            f"plan {plan.hash}",
            expected="approval of its breaking changes",
            found="; ".join(f"{change.name}: {change.sentence()}" for change in plan.breaking),
            next_step=f"headgate approve {plan.hash}",
        )
    if not confirmed:
        raise ConfirmationRequired(
            f"plan {plan.hash}",
            expected="a confirmation",
            found="none; nothing was changed",
            next_step="headgate apply --yes",
        )


async def apply(
    connection: Connection, settings: Settings, plan: Plan, progress: dbt.Progress | None = None
) -> Applied:
    """Carries out a plan that may be carried out (see `require_leave`).

    Raises:
        GateFailed: a gate failed; consumers still see the active release.
        HeadgateError: dbt failed otherwise, or something still uses a table that goes.
    """
    await _build(connection, settings, plan, progress)
    await _drop(connection, plan.drop)
    release = await _publish(settings, plan)
    await connection.execute(
        "update ops.approvals set applied_at = clock_timestamp(),"
        " applied_release = coalesce($2, applied_release) where plan_hash = $1",
        plan.hash,
        release,
    )
    newest = await newest_release(connection)
    return Applied(plan, release, newest if release is None and newest != plan.release else None)


async def _publish(settings: Settings, plan: Plan) -> int | None:
    """The release that was made, if any; a project may have sources and no feature view yet."""
    try:
        published = await publish_project(settings)
    except NothingBuiltError:
        if plan.release is not None:
            raise
        return None
    return published.release_id if published else None


async def _build(
    connection: Connection, settings: Settings, plan: Plan, progress: dbt.Progress | None
) -> None:
    """What is changed, from nothing, with what is new; else, or after it, whatever is not built yet."""
    began: datetime = await connection.fetchval("select clock_timestamp()")
    sources = {change.name for change in plan.changes if change.layer == "source"}
    for source in sorted(sources):
        # What the contract refused before may be what it now declares.
        await replay_quarantined(settings, source)
    commands = [BUILD] if sources or not plan.rebuild else []
    if plan.rebuild:
        contracts = ["contract_paths"] if sources else []
        names = [*contracts, *(model.name for model in plan.rebuild), *plan.build]
        # Seeds by a command of its own: --full-refresh would drop them, with the views over them.
        commands = [["seed"], [*BUILD, "--full-refresh", "--select", *map(_selector, names)], *commands]
    for command in commands:
        exit_code, said = dbt.run(settings, [dbt.program("dbt"), *command], progress)
        if exit_code != 0:
            raise await _explain(connection, settings, began, said)


def _selector(relation: str) -> str:
    """The model of a relation, as dbt selects it: version 2 of a model is `<model>.v2`."""
    return re.sub(r"_v(\d+)$", r".v\1", relation)


async def _explain(connection: Connection, settings: Settings, began: datetime, said: str) -> HeadgateError:
    failed = await results.failed_since(connection, began)
    log = settings.home / "logs" / "dbt.log"
    if failed:
        explained = await results.explanations(connection, failed)
        return results.failure(failed, block="headgate apply", log=log, explained=explained)
    return dbt.missing_label_spine(settings, said) or HeadgateError(
        "dbt build of the plan",
        expected="it to complete",
        found=said or "an error without a message",
        next_step=f"read {log}; what consumers see has not changed",
    )


async def _drop(connection: Connection, models: list[BuiltModel]) -> None:
    """Drops relations of models that are gone, views first, and forgets them; one transaction."""
    ordered = sorted(models, key=lambda model: (model.materialized != "view", model.name))
    async with connection.transaction():
        for model in ordered:
            kind = "view" if model.materialized == "view" else "table"
            await connection.execute(f'drop {kind} if exists "{model.schema}"."{model.name}"')
            await connection.execute(f'drop table if exists ops."changed_{model.name}"')
            for table in TRACES:
                await connection.execute(f"delete from {table} where model = $1", model.name)  # noqa: S608
