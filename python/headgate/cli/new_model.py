"""`headgate new model`: the declaration of a model, from a dataset, and its Mage pipelines."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from headgate.cli.writing import finish, writes_files
from headgate.model.contracts import signature
from headgate.model.declaration import declaration
from headgate.model.declaration_reader import TASKS
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.scaffold.checks import check_dbt, check_mage
from headgate.scaffold.files import NewFiles
from headgate.scaffold.model import new_model
from headgate.settings import load_settings


@click.command()
@click.argument("name")
@click.option("--dataset", "dataset_id", type=int, required=True, metavar="ID", help="Dataset to learn from.")
@click.option(
    "--horizon", help="How long after the instant the label is known, such as 2d. Default: the spine's."
)
@click.option("--task", type=click.Choice(TASKS), help="Task; by default what the label looks like.")
@click.option(
    "--schedule", metavar="CRON", help="Cron schedule of its training, UTC. Default: an inactive trigger."
)
@writes_files
def model(
    name: str, dataset_id: int, horizon: str | None, task: str | None, schedule: str | None, **how: bool
) -> None:
    """Write the declaration of the model NAME from a dataset, and the Mage pipelines that run it.

    Every number, boolean and text of the dataset is an input, ids, keys, instant and label are not; the last
    quarter of its time is tested. Remove the inputs that are known only afterwards, and add slices. The label
    decides the task: yes or no is binary, a text multiclass, a number regression; --task custom also writes
    the code to begin with. The pipelines train, deploy, monitor and score it; its spine joins label_spines in
    dbt_project.yml, so that labels tell how good its answers were.
    """
    settings = load_settings()

    async def made(connection: Connection) -> NewFiles:
        return await new_model(connection, settings.project_dir, name, dataset_id, horizon, task, schedule)

    next_steps = [
        f"look over owner, inputs, slices and directions in models/exposures/{name}.yml",
        f"train it: headgate train {name} --dataset {dataset_id}",
        f"or train and deploy it: headgate run train_{name}",
    ]
    if not schedule:
        next_steps.append(f"set its trigger active in mage_pipelines/pipelines/train_{name}/triggers.yaml")
    files = with_connection(settings, made)
    finish(files, lambda folder, paths: _check(folder, name, paths), next_steps, commit=None, **how)


def _check(folder: Path, name: str, paths: Sequence[str]) -> list[str]:
    """The declaration is one, every input has a contract, dbt finds the spine, and Mage its blocks."""
    declared = declaration(folder, name)
    signature(folder, declared, ())
    return ["the declaration's check", *check_mage(folder, paths), *check_dbt(folder, [declared.spine_name])]
