"""`headgate score`."""

from __future__ import annotations

import asyncio
import json

import click

from headgate.model.scoring import score as score_spine
from headgate.settings import load_settings


@click.command()
@click.argument("name", metavar="MODEL")
@click.option("--version", type=int, help="Version. Default: the champion.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def score(name: str, version: int | None, as_json: bool) -> None:
    """Score the rows of MODEL's spine that have no score yet, into table scores.MODEL.

    Features are those of the active release at each row's instant. Rows that the version scored before stay.
    """
    done = asyncio.run(score_spine(load_settings(), name, version))
    if as_json:
        click.echo(json.dumps(done.as_dict(), indent=2))
        return
    click.echo(f"{done.new:,} of {done.rows:,} rows are new in {done.relation}: version {done.version}.")
