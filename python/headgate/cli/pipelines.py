"""Commands for Mage pipelines: run, mage."""

from __future__ import annotations

import json
import os
import time
from datetime import datetime
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

from headgate.cli.ports import port_option
from headgate.pipelines import runner, serve
from headgate.pipelines.environment import withheld
from headgate.settings import Settings, load_settings
from headgate.sources import downloads, get_source

HOUR = click.DateTime(["%Y-%m-%dT%H", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S"])


@click.command()
@click.argument("pipelines", nargs=-1, required=True, metavar="PIPELINE...")
@click.option("--from", "hour_from", type=HOUR, help="First hour to land, UTC, as YYYY-MM-DDTHH.")
@click.option("--to", "hour_to", type=HOUR, help="Last hour to land, inclusive. Default: --from.")
@click.option("--source", help="The declared source to land, for pipelines that land any.")
@click.option(
    "--wait", "wait_minutes", default=0, help="Minutes to wait for an hour that is not available yet."
)
@click.option(
    "--until-idle",
    type=float,
    metavar="SECONDS",
    help="Stop a streaming pipeline after this many idle seconds.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def run(
    pipelines: tuple[str, ...],
    hour_from: datetime | None,
    hour_to: datetime | None,
    source: str | None,
    wait_minutes: int,
    until_idle: float | None,
    as_json: bool,
) -> None:
    """Run a Mage pipeline to its end, or several one after the other."""
    settings = load_settings()
    if hour_to and not hour_from:
        raise click.UsageError("--to needs --from")
    runner.require(settings, pipelines)
    if hour_from and not any(runner.takes(settings, name, "hour_from") for name in pipelines):
        raise click.UsageError(f"{', '.join(pipelines)} lands no hours: leave --from out")
    if source:
        _require_source(settings, source, pipelines)
    variables: dict[str, Any] = {"wait_minutes": wait_minutes, **({"source": source} if source else {})}
    if until_idle:
        variables["stop_when_idle_seconds"] = until_idle
    if hour_from:
        variables |= {
            "hour_from": f"{hour_from:%Y-%m-%dT%H}",
            "hour_to": f"{hour_to or hour_from:%Y-%m-%dT%H}",
        }
    if as_json:
        runs = runner.run(settings, pipelines, variables, lambda event: None)
        click.echo(
            json.dumps([{"pipeline": r.pipeline, "blocks": r.done, "outcome": r.outcome} for r in runs])
        )
        return
    with ProgressView() as view:
        runner.run(settings, pipelines, variables, view.listen)


def _require_source(settings: Settings, source: str, pipelines: tuple[str, ...]) -> None:
    """Refuses a source that there is not, and pipelines that take none."""
    if not any(runner.takes(settings, name, "source") for name in pipelines):
        raise click.UsageError(f"{', '.join(pipelines)} lands one source only: leave --source out")
    get_source(source, settings.project_dir)


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Interface to listen on.")
@port_option(6789, "Port for UI and API.")
def mage(host: str, port: int) -> None:
    """Run Mage's scheduler and UI until Ctrl-C."""
    serve.stop_on_signals()
    settings = load_settings()
    downloads.sweep(settings.home)
    with serve.Server(settings, host, port) as server:
        server.wait_until_ready()
        click.echo(f"Mage runs at http://{server.host}:{port}; log: {server.log}; Ctrl-C stops it")
        _say_who_gets_in(settings)
        if hidden := withheld(settings):
            click.echo(
                f"{len(hidden)} variables of this shell are not passed to Mage, for instance {hidden[0]}; "
                "HEADGATE_MAGE_ENV names those that a pipeline needs"
            )
        server.wait()


def _say_who_gets_in(settings: Settings) -> None:
    if not serve.login_required(os.environ):
        click.echo("no login: every user of this machine can run code as you (REQUIRE_USER_AUTHENTICATION)")
    elif "DEFAULT_OWNER_PASSWORD" not in os.environ:
        click.echo(f"log in as {serve.OWNER} with the password in {serve.password_file(settings)}")


class ProgressView:
    """One line per block: a bar while it runs, a line that stays when it is done."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.progress = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            TextColumn("{task.fields[count]}"),
            TimeElapsedColumn(),
            console=self.console,
            transient=True,
        )
        self.task: TaskID | None = None
        self.started = time.monotonic()

    def __enter__(self) -> ProgressView:
        self.progress.start()
        self._begin("Mage starts")
        return self

    def __exit__(self, *exception: object) -> None:
        self.progress.stop()

    def listen(self, event: dict[str, Any]) -> None:
        """Shows one event of the run."""
        match event["event"]:
            case "started":
                self.console.print(f"{event['pipeline']}", style="bold", highlight=False)
            case "block_started":
                self._begin(event["block"])
            case "block_progress" if self.task is not None:
                count = f"{event['done']} of {event['total']}"
                self.progress.update(self.task, completed=event["done"], total=event["total"], count=count)
            case "block_done":
                self._line("[green]ok[/green]    ", event["block"], event["seconds"])
            case "block_skipped":
                self._line("[dim]not due[/dim]", event["block"])
            case "block_failed":
                self._line("[red]failed[/red]", event["block"], event["seconds"])
            case "finished":
                self._line(
                    "[green]done[/green]  ",
                    "all blocks, Mage's start included",
                    time.monotonic() - self.started,
                )
                self.started = time.monotonic()
                if event["outcome"]:
                    self.console.print(
                        "  " + ", ".join(f"{key} {value}" for key, value in event["outcome"].items()),
                        soft_wrap=True,
                    )
                self._begin("next pipeline")

    def _begin(self, name: str) -> None:
        if self.task is not None:
            self.progress.remove_task(self.task)
        self.task = self.progress.add_task(name, total=None, count="")

    def _line(self, verdict: str, name: str, seconds: float | None = None) -> None:
        took = "" if seconds is None else f"  [dim]{seconds:.1f} s[/dim]"
        self.console.print(f"  {verdict}  {name}{took}", highlight=False)
