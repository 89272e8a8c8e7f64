"""`headgate new model`: the declaration of a model from a dataset, and its Mage pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click

from headgate.cli.writing import finish, writes_files
from headgate.errors import UsageError
from headgate.model.contracts import signature
from headgate.model.declaration import declaration
from headgate.model.declaration_reader import TASKS
from headgate.postgres.working import with_connection
from headgate.scaffold.checks import check_dbt, check_mage
from headgate.scaffold.model import new_model
from headgate.scaffold.model_pipelines import missing_pipelines
from headgate.settings import load_settings


@click.command()
@click.argument("name")
@click.option("--dataset", "dataset_id", type=int, metavar="ID", help="Dataset to learn from.")
@click.option(
    "--pipelines", is_flag=True, help="In place of --dataset: NAME is declared; write what it lacks of these."
)
@click.option(
    "--horizon", help="How long after the instant the label is known, such as 2d. Default: the spine's."
)
@click.option("--task", type=click.Choice(TASKS), help="Task; by default what the label looks like.")
@click.option(
    "--schedule", metavar="CRON", help="Cron schedule of its training, UTC. Default: an inactive trigger."
)
@writes_files
def model(
    name: str,
    dataset_id: int | None,
    horizon: str | None,
    task: str | None,
    schedule: str | None,
    *,
    pipelines: bool,
    **how: bool,
) -> None:
    """Write the declaration of the model NAME from a dataset, and the Mage pipelines that run it.

    Every number, boolean and text of the dataset is an input, ids, keys, instant and label are not; the last
    quarter of its time is tested. Remove the inputs that are known only afterwards, and add slices. The label
    decides the task: yes or no is binary, a text multiclass, a number regression; --task custom also writes
    the code to begin with. The pipelines train, deploy, monitor and score it; its spine joins label_spines in
    dbt_project.yml, so that labels tell how good its answers were.

    With --pipelines the declaration stands already: written are pipelines that it lacks, and dbt_project.yml.
    """
    _require_one_way(dataset_id, pipelines=pipelines, declares=bool(horizon or task))
    settings = load_settings()
    if dataset_id is None:
        files = missing_pipelines(settings.project_dir, name, schedule, overwrite=how["overwrite"])
    else:
        making = partial(
            new_model,
            project_dir=settings.project_dir,
            name=name,
            dataset_id=dataset_id,
            horizon=horizon,
            task=task,
            schedule=schedule,
        )
        files = with_connection(settings, making)
    steps = _next_steps(name, dataset_id, schedule)
    finish(files, lambda folder, paths: _check(folder, name, paths), steps, commit=None, **how)


def _next_steps(name: str, dataset_id: int | None, schedule: str | None) -> list[str]:
    look = [f"look over owner, inputs, slices and directions in models/exposures/{name}.yml"]
    active = [f"set its trigger active in mage_pipelines/pipelines/train_{name}/triggers.yaml"]
    return [
        *(look if dataset_id else []),
        f"train it: headgate train {name}" + (f" --dataset {dataset_id}" if dataset_id else ""),
        f"or train and deploy it: headgate run train_{name}",
        *([] if schedule else active),
    ]


def _require_one_way(dataset_id: int | None, *, pipelines: bool, declares: bool) -> None:
    """A model is declared from a dataset, or gets the pipelines of its declaration."""
    if pipelines == (dataset_id is not None) or (pipelines and declares):
        raise UsageError(
            "headgate new model",
            expected="--dataset for a new declaration, or --pipelines alone for those of one that stands",
            found="both" if pipelines else "neither",
            next_step="`headgate dataset list` names datasets",
        )


def _check(folder: Path, name: str, paths: Sequence[str]) -> list[str]:
    """The declaration is one, every input has a contract, dbt finds the spine, and Mage its blocks."""
    declared = declaration(folder, name)
    signature(folder, declared, ())
    return ["the declaration's check", *check_mage(folder, paths), *check_dbt(folder, [declared.spine_name])]
