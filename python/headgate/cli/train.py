"""`headgate train`: a declared model on a dataset."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Iterator

import click
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from headgate.cli.console import tables
from headgate.errors import GateFailed
from headgate.model.tasks import TASKS
from headgate.model.training.run import train as train_model
from headgate.model.versions import ModelVersion
from headgate.settings import load_settings


@click.command()
@click.argument("model")
@click.option(
    "--dataset",
    "dataset_id",
    type=int,
    metavar="ID",
    help="Dataset to train on. Default: a new one of the active release, as MODEL declares it.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def train(model: str, dataset_id: int | None, as_json: bool) -> None:
    """Train the declared MODEL on a dataset, and judge it by its gates.

    Learns from the older part, tests on the last part, with a gap of the horizon between them. The same
    dataset gives the same bytes. A model that fails a gate (exit code 3) is kept with its reasons and cannot
    be registered.
    """
    with _progress(quiet=as_json) as step:
        made = asyncio.run(train_model(load_settings(), model, dataset_id, step))
    if as_json:
        click.echo(json.dumps(made.as_dict(), indent=2))
    else:
        _show(made)
    if not made.passed:
        failed = [gate for gate in made.gates if gate["verdict"] == "failed"]
        raise GateFailed(
            f"model {made.model} version {made.version}",
            expected="every gate to pass",
            found="; ".join(f"{gate['gate']}: {gate['reason']}" for gate in failed),
            next_step="see its figures and plots with"
            f" `headgate model show {made.model} {made.version} --card card.html`, mend what the gate names,"
            " train again",
        )


@contextlib.contextmanager
def _progress(*, quiet: bool) -> Iterator[Callable[[str], None]]:
    """What is told while training: a line that moves on a terminal, nothing elsewhere."""
    if quiet or not sys.stderr.isatty():
        yield lambda done: None
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    from rich.console import Console

    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("reading the dataset")
        yield lambda done: progress.update(task, description=done)


def _show(made: ModelVersion) -> None:
    console = tables()
    facts = Table(show_header=False, box=None, pad_edge=False)
    figures = made.figures
    titles = _titles(made)
    for name, value in (
        ("model", f"{made.model} version {made.version}, {made.flavour}"),
        ("SHA-256", made.model_sha256),
        ("dataset", f"{made.dataset_id}, release {made.release_id}"),
        ("rows", f"{figures['rows']['train']:,} learned from, {figures['rows']['test']:,} tested"),
        *((title, _interval(figures[name])) for name, title in titles.items()),
        *(
            (
                called.replace("_", " "),
                "; ".join(f"{title} {_interval(found[name])}" for name, title in titles.items()),
            )
            for called, found in figures["baselines"].items()
        ),
    ):
        facts.add_row(name, value.replace("[", "\\["))
    console.print(facts)
    gates = Table("gate", "verdict", "reason", box=None, pad_edge=False)
    for gate in made.gates:
        gates.add_row(gate["gate"], gate["verdict"], gate["reason"].replace("[", "\\["))
    console.print(gates)


def _titles(made: ModelVersion) -> dict[str, str]:
    """The figures to show, by name; of a custom model what its function measures."""
    if made.task == "custom":
        return {
            name: name for name, found in made.figures.items() if isinstance(found, dict) and "low" in found
        }
    return dict(TASKS[made.task].titles)


def _interval(found: dict[str, float | None]) -> str:
    value, low, high = (found[name] for name in ("value", "low", "high"))
    if value is None or low is None or high is None:
        return "-"
    return f"{value:.3f} [{low:.3f}, {high:.3f}]"
