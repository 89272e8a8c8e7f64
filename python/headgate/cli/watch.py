"""`headgate check`."""

from __future__ import annotations

import contextlib
import json
import sys

import click

from headgate.pipelines import watch
from headgate.settings import load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def check(as_json: bool) -> None:
    """List stale sources, late runs, unbuilt loads and alarms of models; exit 1 if there are any.

    Each incident is reported once when it begins and once when it ends, as a JSON line on stderr and to the
    alert webhook if one is set.
    """
    with contextlib.redirect_stdout(sys.stderr):
        found = watch.watch(load_settings())
    if as_json:
        click.echo(json.dumps([late.as_dict() for late in found], indent=2))
    elif not found:
        click.echo("Nothing is late.")
    else:
        for late in found:
            click.echo(f"{late.kind}  {late.subject}: {late.message}")
    if found:
        sys.exit(1)
