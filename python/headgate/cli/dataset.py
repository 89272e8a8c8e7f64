"""Commands for datasets: create, verify, list, show."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from pathlib import Path

import click
from rich.table import Table

from headgate.cli.console import tables
from headgate.dataset import register
from headgate.dataset.create import create as create_dataset
from headgate.dataset.register import Dataset
from headgate.dataset.verify import Verification
from headgate.dataset.verify import verify as verify_dataset
from headgate.durations import written
from headgate.errors import HeadgateError
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.report import number_of
from headgate.settings import load_settings

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group(invoke_without_command=True)
@click.pass_context
def dataset(context: click.Context) -> None:
    """Create versioned training sets, and prove that they can be rebuilt."""
    if context.invoked_subcommand is None:
        context.invoke(list_datasets)


@dataset.command("create")
@click.argument("name")
@click.option("--spine", required=True, help="Relation (schema.name) with entity keys, instants and labels.")
@click.option("--release", type=int, help="Release to join. Default: the active one.")
@click.option("--views", help="Feature views, comma-separated. Default: all whose keys the spine has.")
@click.option("--instant", help="Spine column with the instants. Default: as declared by its model.")
@click.option("--label", help="Spine column with the labels. Default: as declared by its model.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for the Parquet file. Default: datasets in HEADGATE_HOME.",
)
@click.option(
    "--lag",
    default="none",
    show_default=True,
    metavar="none|measured|DURATION",
    help="How much older than the instant features must be, as serving has them: measured from the releases,"
    " or such as 90m.",
)
@AS_JSON
def create(
    name: str,
    spine: str,
    release: int | None,
    views: str | None,
    instant: str | None,
    label: str | None,
    out: Path | None,
    lag: str,
    as_json: bool,
) -> None:
    """Join the features of a release to labels, each as it was at the label's instant.

    Keeps a copy of the spine and binds the release, so that NAME can be rebuilt on any day. Refuses (exit
    code 3) when a feature knows anything of its label's instant or later.
    """
    made = asyncio.run(
        create_dataset(
            load_settings(),
            name,
            spine_model=spine,
            release=release,
            views=views.split(",") if views else None,
            instant=instant,
            label=label,
            folder=out,
            lag=lag,
        )
    )
    _show(made, as_json)


@dataset.command("verify")
@click.argument("dataset_id", metavar="ID", type=int)
@AS_JSON
def verify(dataset_id: int, as_json: bool) -> None:
    """Rebuild dataset ID from its spine and release, and compare the two.

    Exit code 1 if they differ.
    """
    found = asyncio.run(verify_dataset(load_settings(), dataset_id))
    if as_json:
        click.echo(json.dumps(found.as_dict(), indent=2))
    elif found.same:
        click.echo(_sentence(found))
    if not found.same:
        raise HeadgateError(
            f"dataset {dataset_id}, {found.dataset.name} version {found.dataset.version}",
            expected=f"the same dataset again, SHA-256 {found.dataset.content_sha256[:12]}",
            found=f"{found.content_sha256[:12]}; what differs: {', '.join(found.differing)}",
            next_step="a changed file can be made again from spine and release; if a column differs, somebody"
            " wrote into schema datasets or into a history: restore them from a backup",
        )


def _sentence(found: Verification) -> str:
    words = [
        f"Dataset {found.dataset.dataset_id} is the same again: {number_of(found.dataset.row_count, 'row')}"
    ]
    if "bytes" in found.differing:
        words.append(
            f"every value alike, in other bytes: {found.dataset.writer} wrote it then, {found.writer} now"
        )
    else:
        words.append(f"SHA-256 {found.content_sha256}")
    if found.dataset.lag_seconds:
        words.append(f"features {_lag(found.dataset)}")
    if not found.file_found:
        words.append("its file is not where it was written")
    return "; ".join(words) + "."


@dataset.command("list")
@AS_JSON
def list_datasets(as_json: bool = False) -> None:
    """List the datasets, newest first."""
    found = with_connection(load_settings(), register.all_datasets)
    if as_json:
        click.echo(json.dumps([entry.as_dict() for entry in found], indent=2))
        return
    table = Table(
        *("id", "name", "version", "release", "rows", "labels", "lag", "made at (UTC)"),
        box=None,
        pad_edge=False,
    )
    for entry in found:
        table.add_row(
            str(entry.dataset_id),
            entry.name,
            str(entry.version),
            str(entry.release_id),
            f"{entry.row_count:,}",
            _labels(entry),
            written(timedelta(seconds=entry.lag_seconds)) if entry.lag_seconds else "none",
            f"{entry.created_at:%Y-%m-%d %H:%M:%S}",
        )
    tables().print(table if found else "No dataset has been made yet.")


@dataset.command("show")
@click.argument("dataset_id", metavar="ID", type=int)
@AS_JSON
def show(dataset_id: int, as_json: bool) -> None:
    """Show what dataset ID was built from, and the result."""

    async def find(connection: Connection) -> Dataset:
        return await register.find(connection, dataset_id)

    _show(with_connection(load_settings(), find), as_json)


def _show(entry: Dataset, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(entry.as_dict(), indent=2))
        return
    leakage = entry.leakage
    table = Table(show_header=False, box=None, pad_edge=False)
    for name, value in (
        ("dataset", f"{entry.dataset_id}: {entry.name} version {entry.version}"),
        ("release", str(entry.release_id)),
        ("views", ", ".join(entry.views)),
        ("spine", f"{entry.spine_model}, kept as {entry.spine_table}"),
        ("rows", f"{entry.row_count:,}, joined at {entry.instant}"),
        ("features", _lag(entry)),
        ("processed to", _processed_to(entry)),
        ("labels", _labels(entry)),
        (
            "leakage gate",
            f"no feature from after its label in {number_of(leakage['rows'], 'row')}; {_recomputed(leakage)}",
        ),
        ("SHA-256", entry.content_sha256),
        ("file", entry.uri),
        ("made", f"{entry.created_at:%Y-%m-%d %H:%M:%S} UTC by {entry.created_by}, {entry.writer}"),
    ):
        table.add_row(name, value.replace("[", "\\["))
    tables().print(table)


def _lag(entry: Dataset) -> str:
    """Whether serving could have known the features."""
    if not entry.lag_seconds:
        return "of the very instant; serving knows them later (--lag)"
    return (
        f"{written(timedelta(seconds=entry.lag_seconds))} older than the instant at least ({entry.lag_kind})"
    )


def _processed_to(entry: Dataset) -> str:
    """How far the views are processed, and what lies beyond that."""
    instant = f"{entry.processed_to:%Y-%m-%d %H:%M} UTC" if entry.processed_to else "-"
    beyond = ", ".join(
        f"{view} {count:,}" for view, count in entry.leakage.get("after_processed_to", {}).items()
    )
    return f"{instant}; instants after that have the values of then: {beyond}" if beyond else instant


def _recomputed(leakage: dict[str, dict[str, int]]) -> str:
    events = ", ".join(f"{view} {count}" for view, count in leakage["from_events"].items() if count)
    history = ", ".join(f"{view} {count}" for view, count in leakage["from_history"].items() if count)
    parts = [f"recounted from events: {events}"] if events else []
    parts += [f"searched in the history only: {history}"] if history else []
    return "; ".join(parts)


def _labels(entry: Dataset) -> str:
    counts = ", ".join(f"{label} {count:,}" for label, count in entry.label_counts.items())
    return f"{entry.label}: {counts}" if counts else (entry.label or "-")
