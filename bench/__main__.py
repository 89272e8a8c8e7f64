"""`python -m bench`: runs benchmarks and prints their figures as one table."""

from __future__ import annotations

import importlib
import json
import os
import platform
import signal
import sys
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.figures import Figure
from bench.workbench import Workbench

#: In this order: what is quick first.
BENCHMARKS = (
    "validator",
    "landing",
    "postgres_jsonb",
    "memory",
    "dlt_loaders",
    "pull_request_typing",
    "end_to_end",
    "staging_vs_landing",
    "features_growth",
    "whole_way",
    "orders_features",
    "small_load",
    "monitoring",
    "publishing",
    "training_sets",
    "training",
    "online_reads",
    "serving",
    "webhooks",
    "streaming",
)


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--size", type=click.Choice(["small", "full"]), default="full", show_default=True)
@click.option("--only", multiple=True, type=click.Choice(BENCHMARKS), help="Run this one; may be repeated.")
@click.option("--rounds", type=click.IntRange(min=1), help="Turns that the ways of a benchmark take.")
@click.option(
    "--server", type=click.Choice(["stock", "embedded"]), help="Measure on this one only; default: both."
)
@click.option("--verbose", is_flag=True, help="Also the nodes whose cost grows with the history.")
@click.option(
    "--json", "json_file", type=click.Path(path_type=Path, dir_okay=False), help="Write figures there."
)
def main(
    size: str,
    only: tuple[str, ...],
    rounds: int | None,
    server: str | None,
    verbose: bool,
    json_file: Path | None,
) -> None:
    """Measure landing, typing and features against baselines, in interleaved runs on throw-away servers.

    Never fails because of a time: the last column says which targets are reached. docs/benchmarks.md tells
    what is measured and how. `small` only shows that everything works: generated hours, one round, no dlt.
    """
    # A run that is told to end still stops its servers.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    found: dict[str, list[Figure]] = {}
    with Workbench(full=size == "full", verbose=verbose, rounds=rounds, server=server) as bench:
        for name in only or BENCHMARKS:
            if name == "dlt_loaders" and size == "small" and name not in only:
                continue
            bench.say(f"[{name}]")
            found[name] = list(importlib.import_module(f"bench.{name}").run(bench))
    Console(width=None if sys.stdout.isatty() else 150).print(_table(found))
    if json_file:
        figures = {name: [figure.as_dict() for figure in rows] for name, rows in found.items()}
        json_file.write_text(
            json.dumps({"machine": _machine(), "size": size, "figures": figures}, indent=2) + "\n"
        )


def _table(found: dict[str, list[Figure]]) -> Table:
    table = Table(title=f"Headgate's figures: {_machine()}", title_justify="left", box=None, pad_edge=False)
    table.add_column("figure")
    for name in ("baseline", "ours", "unit", "ratio", "target"):
        table.add_column(name, justify="left" if name == "unit" else "right")
    table.add_column("reached")
    words = {True: "[green]yes[/]", False: "[red bold]no[/]", None: ""}
    for rows in found.values():
        table.add_section()
        for figure in rows:
            ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
            amounts = (_amount(figure.baseline), _amount(figure.ours))
            table.add_row(figure.name, *amounts, figure.unit, ratio, figure.target, words[figure.reached])
    return table


def _amount(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


def _machine() -> str:
    return f"{os.cpu_count()} cores, {platform.system()}, load {os.getloadavg()[0]:.1f} at the end"


if __name__ == "__main__":
    main()
