"""Commands for the mirror of the registry in MLflow: mlflow, mlflow sync."""

from __future__ import annotations

import asyncio
import json

import click

from headgate.cli.ports import port_option
from headgate.report import number_of
from headgate.settings import load_settings


@click.group(invoke_without_command=True)
@port_option(5500, "Port for UI and API, on loopback.")
@click.pass_context
def mlflow(context: click.Context, port: int) -> None:
    """Run MLflow's UI on a mirror of the model registry until Ctrl-C.

    The mirror follows the registry, which decides. The first start installs MLflow into HEADGATE_HOME.
    """
    if context.invoked_subcommand is not None:
        return
    from headgate.model.mirror import follow
    from headgate.pipelines import mlflow_ui
    from headgate.pipelines.serve import stop_on_signals

    stop_on_signals()
    settings = load_settings()
    click.echo(f"mirrored: {_told(asyncio.run(follow.once(settings)).as_dict())}")
    if not mlflow_ui.is_installed(settings):
        click.echo("installing MLflow (about 630 MB, once)")
    with mlflow_ui.Server(settings, port) as server:
        server.wait_until_ready()
        click.echo(f"log in as {mlflow_ui.USER} with the password in {mlflow_ui.password_file(settings)}")
        click.echo(f"MLflow runs at http://{server.host}:{port}; log: {server.log}; Ctrl-C stops it")
        server.follow()


@mlflow.command("sync")
@click.option("--rebuild", is_flag=True, help="Remove the mirror first, with all that others put there.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def sync(rebuild: bool, as_json: bool) -> None:
    """Write to MLflow what its mirror of the registry lacks."""
    from headgate.model.mirror import follow

    report = asyncio.run(follow.once(load_settings(), rebuild=rebuild)).as_dict()
    click.echo(json.dumps(report) if as_json else f"mirrored: {_told(report)}")


def _told(report: dict[str, int]) -> str:
    """What was written, in words."""
    written = {name: count for name, count in report.items() if name != "models" and count}
    models = f"{number_of(report['models'], 'model')} looked at"
    return (
        f"{models}; {', '.join(f'{count} {name}' for name, count in written.items()) or 'nothing to write'}"
    )
