"""Command that writes a model's offline bundle: model bundle."""

from __future__ import annotations

import json
from pathlib import Path

import click

from headgate import private
from headgate.postgres.working import with_connection
from headgate.settings import load_settings


@click.command("bundle")
@click.argument("model")
@click.option("--version", type=int, help="Version. Default: the champion, else the newest registered.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="New or empty folder for the bundle."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bundle(model: str, version: int | None, out: Path, as_json: bool) -> None:
    """Write MODEL with all that predicts with it, for a machine without network.

    Its README.md says how it is installed and asked.
    """
    from headgate.model.bundle.build import build

    private.write_project()
    made = with_connection(load_settings(), lambda connection: build(connection, model, version, out))
    if as_json:
        click.echo(json.dumps(made.as_dict()))
        return
    size = f"{len(made.wheels)} wheels, {made.bytes / 1e6:.1f} MB"
    click.echo(f"{made.model} version {made.version} is in {made.folder}: {size}; see its README.md")
