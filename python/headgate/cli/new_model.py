"""`headgate new model`: the declaration of a model, from a dataset."""

from __future__ import annotations

from pathlib import Path

import click

from headgate.cli.writing import finish, writes_files
from headgate.model.contracts import signature
from headgate.model.declaration import declaration
from headgate.model.declaration_reader import TASKS
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.scaffold.checks import check_dbt
from headgate.scaffold.files import NewFiles
from headgate.scaffold.model import new_model
from headgate.settings import load_settings


@click.command()
@click.argument("name")
@click.option("--dataset", "dataset_id", type=int, required=True, metavar="ID", help="Dataset to learn from.")
@click.option("--horizon", required=True, help="How long after the instant the label is known, such as 2d.")
@click.option("--task", type=click.Choice(TASKS), help="Task; by default what the label looks like.")
@writes_files
def model(name: str, dataset_id: int, horizon: str, task: str | None, **how: bool) -> None:
    """Write the declaration of the model NAME from a dataset.

    Every number, boolean and text of the dataset is an input, ids, keys, instant and label are not; the last
    quarter of its time is tested. Remove the inputs that are known only afterwards, and add slices. The label
    decides the task: yes or no is binary, a text multiclass, a number regression; --task custom also writes
    the code to begin with.
    """
    settings = load_settings()

    async def made(connection: Connection) -> NewFiles:
        return await new_model(connection, settings.project_dir, name, dataset_id, horizon, task)

    next_steps = [
        f"look over inputs, slices and directions in models/exposures/{name}.yml",
        "add its spine to label_spines below vars in dbt_project.yml: labels tell how good its answers were",
        f"train it: headgate train {name} --dataset {dataset_id}",
    ]
    files = with_connection(settings, made)
    finish(files, lambda folder, _: _check(folder, name), next_steps, commit=None, **how)


def _check(folder: Path, name: str) -> list[str]:
    """The declaration is one, every input has a contract, and dbt finds the spine."""
    declared = declaration(folder, name)
    signature(folder, declared, ())
    return ["the declaration's check", *check_dbt(folder, [declared.spine_name])]
