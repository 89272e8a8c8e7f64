"""`headgate train`: a declared model on a dataset, judged, and kept as a version."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from headgate import postgres
from headgate.dataset import register
from headgate.dataset.create import create, readable_release
from headgate.dataset.register import Dataset
from headgate.durations import written
from headgate.errors import UsageError
from headgate.model import promotions, versions
from headgate.model.contracts import personal, signature
from headgate.model.declaration import declaration
from headgate.model.declared import Declaration
from headgate.model.evaluation.bootstrap import Interval
from headgate.model.evaluation.gates import Judge
from headgate.model.evaluation.policy import APPROVAL, approval, policy
from headgate.model.mirror import follow
from headgate.model.package import BoundView, Package
from headgate.model.personal import OPTION
from headgate.model.training.champion import Champion
from headgate.model.versions import Histogram, ModelVersion
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.store.reading.catalog import PublishedRelease, key_columns

if TYPE_CHECKING:
    from headgate.model.training.outcome import Outcome
    from headgate.model.training.rows import Rows

Step = Callable[[str], None]
DEFINITIONS = "select view, meaning from ops.release_views where release_id = $1"
#: What is told while training, in order; tuning comes on top.
STEPS = ("dataset read", "models fitted", "figures drawn", "gates judged", "model kept")


async def train(
    settings: Settings, name: str, dataset_id: int | None = None, step: Step = lambda done: None
) -> ModelVersion:
    """Trains a model; what it came to is kept in one transaction at the end, whether it passed or not.

    MLflow's mirror follows, where there is one.

    Args:
        settings: of the project that declares it.
        name: the model's name.
        dataset_id: what it is trained on; by default a new dataset of the active release, as it is declared.
        step: told what is done, one of `STEPS`.

    Raises:
        UsageError: the declaration, the dataset or the release do not fit each other.
        HeadgateError: the dataset's file or the database does not play along; nothing is kept.
    """
    begun = time.monotonic()
    declared = declaration(settings.project_dir, name)
    _require_trainable(declared)
    if dataset_id is None:
        dataset_id = (await _declared_dataset(settings, declared)).dataset_id
    connection = await postgres.connect(settings)
    try:
        dataset = await register.find(connection, dataset_id)
        release = await readable_release(connection, dataset.release_id, bound=True)
        _require_fit(declared, dataset, release)
        views = await _bound_views(connection, declared, release)
        champion = await _champion(connection, name)
        package, references, extra = await asyncio.to_thread(
            _trained, settings, declared, dataset, release, views, champion, step
        )
        version = await versions.add(
            connection,
            package,
            references,
            dataset_id=dataset_id,
            release_id=release.release_id,
            seconds=time.monotonic() - begun,
            **extra,
        )
    finally:
        await connection.close()
    step("model kept")
    follow.start(settings)
    return version


async def _declared_dataset(settings: Settings, declared: Declaration) -> Dataset:
    """A dataset of the active release with spine, label, views and lag of a declaration."""
    return await create(
        settings,
        declared.name,
        spine_model=declared.spine,
        label=declared.label,
        views=list(declared.views) or None,
        lag=written(declared.feature_lag) if declared.feature_lag else "none",
    )


def _trained(
    settings: Settings,
    declared: Declaration,
    dataset: Dataset,
    release: PublishedRelease,
    views: Mapping[str, BoundView],
    champion: Champion | None,
    step: Step,
) -> tuple[Package, list[Histogram], dict[str, Any]]:
    """Everything that takes its time; imports what is large."""
    try:
        from headgate.model.card import card
        from headgate.model.training.environment import code_revision, environment

        outcome = _outcome(settings, declared, dataset, release, champion, step)
    except ModuleNotFoundError as error:
        raise _not_installed(error) from error
    project = settings.project_dir
    judge = outcome.judge
    _judge_lag(judge, declared, dataset)
    own = signature(project, declared, _keys(declared, release), outcome.inputs)
    figures = outcome.figures
    used = {given.view for given in own.inputs}
    package = Package(
        name=declared.name,
        task=declared.task,
        flavour=outcome.flavour,
        signature=own,
        views={name: view for name, view in views.items() if name in used},
        files={**outcome.files, **card(declared, dataset, own, outcome, figures)},
        options={
            **_options(declared, dataset),
            APPROVAL: approval(project, declared.approval),
            OPTION: personal(project, declared, own).as_dict(),
            **outcome.options,
        },
    )
    extra = {
        "passed": judge.passed,
        "parameters": {
            **outcome.parameters,
            "exchanged": outcome.exchanged,
            "gap_seconds": declared.horizon.total_seconds(),
            "test_begins_microseconds": outcome.test_begins,
            "unlabelled_rows": outcome.unlabelled_rows,
            "dataset_sha256": dataset.content_sha256,
        },
        "figures": figures,
        "gates": [verdict.as_dict() for verdict in judge.verdicts],
        "environment": environment(project),
        "code_revision": code_revision(project),
    }
    return package, outcome.references, extra


def _outcome(
    settings: Settings,
    declared: Declaration,
    dataset: Dataset,
    release: PublishedRelease,
    champion: Champion | None,
    step: Step,
) -> Outcome:
    """The model, fitted or, of the task `custom`, packed; and judged."""
    from headgate.model.tasks import LEARNED, TASKS
    from headgate.model.training import custom, fit
    from headgate.model.training.rows import read_rows

    project = settings.project_dir
    judge = Judge(policy(project, declared.gates, declared.file))
    whole = signature(project, declared, _keys(declared, release))
    others = [given.name for given in champion.package.signature.inputs] if champion else []
    rows = read_rows(declared, dataset, TASKS[declared.task], others)
    step("dataset read")
    judge_horizon(judge, declared, rows, dataset.processed_to)
    if declared.task in LEARNED:
        return fit.fit(declared, LEARNED[declared.task], whole, rows, judge, champion, step)
    return custom.evaluate(settings, declared, whole, rows, judge, champion, step)


def _keys(declared: Declaration, release: PublishedRelease) -> Sequence[tuple[str, str]]:
    return key_columns(release.chosen(declared.views)) if declared.views else ()


def _options(declared: Declaration, dataset: Dataset) -> dict[str, Any]:
    """What serving, deployment and monitoring need of the declaration."""
    return {
        "unknown_entity": declared.unknown_entity,
        "canary": dict(declared.canary),
        "alerts": dict(declared.alerts),
        "slices": dict(declared.slices),
        "spine": declared.spine,
        "label": declared.label,
        "instant": dataset.instant,
        "group": list(declared.group),
        "horizon_seconds": declared.horizon.total_seconds(),
        "feature_lag_seconds": declared.feature_lag.total_seconds() if declared.feature_lag else None,
    }


def _judge_lag(judge: Judge, declared: Declaration, dataset: Dataset) -> None:
    """Features that were joined as serving could not know them flatter."""
    if declared.feature_lag is None:
        return
    missing = declared.feature_lag.total_seconds() - (dataset.lag_seconds or 0)
    judge.add(
        "servable_features",
        missing <= judge.threshold("servable_features"),
        missing,
        f"the dataset's features are {written(timedelta(seconds=dataset.lag_seconds or 0))} older than the"
        f" instant at least; the model declares {written(declared.feature_lag)}",
        rows=dataset.row_count,
    )


def judge_horizon(judge: Judge, declared: Declaration, rows: Rows, reached: datetime | None) -> None:
    """Rows whose horizon is not over have no label yet, or one that is known early and only one way.

    The dataset reaches as far as its own views do, not those of other sources in the same release.
    """
    if reached is None or not len(rows.instants):
        return
    last = (reached - declared.horizon).timestamp() * 1e6
    early = float((rows.instants > last).mean())
    said = (
        f"{early:.1%} of the labelled rows are younger than the horizon before {reached:%Y-%m-%d %H:%M} UTC,"
        " which the dataset reaches to; leave their labels null unless the spine knows more"
    )
    if early > judge.threshold("horizon_is_over"):
        judge.warn("horizon_is_over", Interval(early, early, early, len(rows.instants)), said)
    else:
        judge.add("horizon_is_over", True, early, said, rows=len(rows.instants))


def _require_trainable(declared: Declaration) -> None:
    flavours = ("pyfunc",) if declared.task == "custom" else ("lightgbm", "sklearn")
    if declared.flavour not in flavours:
        raise UsageError(
            f"model {declared.name}",
            expected=f"task {declared.task} with flavour {' or '.join(flavours)}",
            found=f"flavour {declared.flavour}",
            next_step="train it with your own code and keep it with `headgate.model.versions.add`",
        )


def _require_fit(declared: Declaration, dataset: Dataset, release: PublishedRelease) -> None:
    """Spine, label and views are those of the declaration, in its versions."""
    found = {
        "spine": (declared.spine, dataset.spine_model),
        **{
            f"version of view {name}": (
                version,
                release.views[name].version if name in release.views and name in dataset.views else "none",
            )
            for name, version in declared.views.items()
        },
    }
    for what, (expected, given) in found.items():
        if expected != given:
            raise UsageError(
                f"dataset {dataset.dataset_id}, {what}",
                expected=f"{expected}, as {declared.file.name} declares it",
                found=str(given),
                next_step="make a dataset of what the model declares, or correct the declaration",
            )


async def _bound_views(
    connection: Connection, declared: Declaration, release: PublishedRelease
) -> dict[str, BoundView]:
    rows = await connection.fetch(DEFINITIONS, release.release_id)
    definitions = {row["view"]: row["meaning"] for row in rows}
    return {
        name: BoundView(version=version, definition=definitions.get(name))
        for name, version in declared.views.items()
    }


async def _champion(connection: Connection, name: str) -> Champion | None:
    deployed = await promotions.current(connection, name)
    if deployed is None or deployed.champion is None:
        return None
    return Champion(deployed.champion, await versions.load(connection, name, deployed.champion))


def _not_installed(error: ModuleNotFoundError) -> UsageError:
    return UsageError(
        "training",
        expected=f"the Python package {error.name}",
        found="it is not installed",
        next_step="install the extra: `uv sync --extra models`, or `pip install headgate[models]`",
    )
