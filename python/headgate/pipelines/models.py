"""What the blocks of pipelines call that train, deploy, watch and ask models."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate import postgres
from headgate.errors import GateFailed
from headgate.model import promotions, versions
from headgate.model.deployment import approvals, canary, steps
from headgate.model.deployment.state import State
from headgate.model.monitoring.report import Alarm, monitor
from headgate.model.scoring import score
from headgate.model.training.run import train
from headgate.pipelines.alerts import tell
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.settings import load_settings
from headgate.store import ledger

#: A project's pipelines run before it has a model, and before anything is published.
IDLE: dict[str, Any] = {"done": "nothing, for no version is deployed"}
NOTHING_PUBLISHED: dict[str, Any] = {"done": "nothing, for there is no release to train on yet"}


def train_model(name: str) -> dict[str, Any]:
    """Makes a dataset of the active release as the model declares it, trains on it, registers what passed.

    Raises:
        GateFailed: the new version did not pass; it is kept with its reasons.
        HeadgateError: see `headgate.dataset.create.create` and `headgate.model.training.run.train`.
    """
    if with_connection(load_settings(), ledger.active_release) is None:
        return NOTHING_PUBLISHED
    return asyncio.run(_train(name))


def deploy_model(name: str) -> dict[str, Any]:
    """Deploys the newest registered version beside the champion, with the share that it declares.

    Raises:
        HeadgateError: see `headgate.model.deployment.canary.deploy`.
    """
    return with_connection(load_settings(), lambda connection: _deploy(connection, name))


def watch_model(name: str) -> dict[str, Any]:
    """Looks at a running canary; ends it when there is a verdict: taken out, or promoted if declared so."""

    async def look(connection: Connection) -> dict[str, Any]:
        if await _champion(connection, name) is None:
            return IDLE
        asked = approvals.asked_by(load_settings().project_dir, name)
        return (await canary.look(connection, name, tell, asked=asked)).as_dict()

    return with_connection(load_settings(), look)


def monitor_model(name: str) -> dict[str, Any]:
    """Looks at what the champion answered yesterday; says whether to train anew.

    Training helps against drift and against quality that decays, not against errors or skew; and not where a
    version was trained since, or a challenger runs. `watch_freshness` tells the alarms.
    """
    return with_connection(load_settings(), lambda connection: _monitor(connection, name))


def score_model(name: str) -> dict[str, Any]:
    """Scores the rows of the model's spine that have no score yet, into `scores.<name>`."""
    if with_connection(load_settings(), lambda connection: _champion(connection, name)) is None:
        return IDLE
    return asyncio.run(score(load_settings(), name)).as_dict()


async def _train(name: str) -> dict[str, Any]:
    settings = load_settings()
    made = await train(settings, name)
    if not made.passed:
        reasons = [f"{gate['gate']}: {gate['reason']}" for gate in made.gates if gate["verdict"] == "failed"]
        raise GateFailed(
            f"model {name} version {made.version}",
            expected="a model that passes its gates",
            found="; ".join(reasons),
            next_step=f"read its card: `headgate model show {name} {made.version} --card card.html`;"
            " the champion stays",
        )
    connection = await postgres.connect(settings)
    try:
        await steps.register(connection, name, made.version, "trained by its pipeline")
    finally:
        await connection.close()
    return {"version": made.version, "dataset": made.dataset_id, "model_sha256": made.model_sha256}


async def _deploy(connection: Connection, name: str) -> dict[str, Any]:
    newest = await canary.newest_registered(connection, name)
    deployed = State.of(await promotions.current(connection, name))
    if newest is None or newest in (deployed.champion, deployed.challenger):
        return {"deployed": "nothing new is registered"}
    if deployed.challenger is not None:
        return {"deployed": f"nothing: version {deployed.challenger} is a challenger until it has a verdict"}
    asked = approvals.asked_by(load_settings().project_dir, name)
    version = await versions.find(connection, name, newest)
    if (await approvals.approval_of(connection, version, asked)).is_missing:
        return {"deployed": f"nothing: version {newest} waits for `headgate model approve {name} {newest}`"}
    done = await canary.deploy(connection, name, newest, None, "newest registered version", asked=asked)
    return {part: getattr(done, part) for part in ("version", "champion", "challenger", "canary_share")}


async def _champion(connection: Connection, name: str) -> int | None:
    return State.of(await promotions.current(connection, name)).champion


async def _monitor(connection: Connection, name: str) -> dict[str, Any]:
    deployed = State.of(await promotions.current(connection, name))
    yesterday = (datetime.now(UTC) - timedelta(days=1)).date()
    champion = deployed.champion
    found = champion and await monitor(connection, await versions.find(connection, name, champion), yesterday)
    if not found:
        return {"alarms": [], "train": False}
    newest = (await versions.all_versions(connection, name))[0]
    is_answered = deployed.challenger is not None or newest.trained_at.date() >= yesterday
    return {
        "alarms": [alarm.sentence for alarm in found.alarms],
        "train": not is_answered and any(map(_asks_for_training, found.alarms)),
    }


def _asks_for_training(alarm: Alarm) -> bool:
    return alarm.alarm in ("drift", "loss")
