"""`headgate synth`: generated archive hours."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import cast

import click
import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from headgate import private
from headgate.cli.console import tables
from headgate_github.synth import HourTruth, Truth, write_hours
from headgate_github.synth.file_traps import FILE_TRAPS, REDELIVER
from headgate_github.synth.traps import TRAPS, parse
from headgate_github.synth.world import GENERATIONS, Generation


class Hour(click.ParamType):
    """An hour, UTC, written like 2016-01-01T01."""

    name = "hour"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The hour as a datetime."""
        if isinstance(value, datetime):
            return value
        try:
            return datetime.strptime(str(value), "%Y-%m-%dT%H").replace(tzinfo=UTC)
        except ValueError:
            self.fail(f"{value!r} is not an hour like 2016-01-01T01", param, ctx)


@click.command()
@click.option("--from", "start", type=Hour(), required=True, help="First hour, UTC, such as 2016-01-01T01.")
@click.option("--to", "end", type=Hour(), help="Last hour, inclusive. Default: --from.")
@click.option(
    "--events-per-hour", "events", type=click.IntRange(1, 500_000), default=1_000, show_default=True
)
@click.option("--seed", type=click.IntRange(0), default=7, show_default=True, help="Random seed.")
@click.option(
    "--generation",
    type=click.Choice(GENERATIONS),
    help="Schema generation. Default: the archive's at that time.",
)
@click.option("--traps", default="none", show_default=True, help=f"all, none or some of: {', '.join(TRAPS)}.")
@click.option("--file-trap", type=click.Choice((*FILE_TRAPS, REDELIVER)), help="Corrupt every file.")
@click.option(
    "--out", "out_dir", type=click.Path(path_type=Path, file_okay=False), required=True, help="Output folder."
)
@click.option("--json", "as_json", is_flag=True, help="Print the ground truth as JSON.")
def synth(
    start: datetime,
    end: datetime | None,
    events: int,
    seed: int,
    generation: str | None,
    traps: str,
    file_trap: str | None,
    out_dir: Path,
    as_json: bool,
) -> None:
    """Generate archive hours, seeded and deterministic, with the truth about them beside them.

    The same arguments give the same bytes, and an hour is the same whichever other hours are asked for.
    """
    private.write_project()
    end = end or start
    chosen = parse(traps)
    columns = (TextColumn("generating"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True, disable=as_json) as progress:
        task = progress.add_task("", total=int((end - start).total_seconds()) // 3_600 + 1)

        def step(_: HourTruth) -> None:
            progress.advance(task)

        truth = write_hours(
            out_dir,
            start,
            end,
            seed=seed,
            events_per_hour=events,
            generation=cast(Generation | None, generation),
            traps=chosen,
            file_trap=file_trap,
            on_hour=step,
        )
    if as_json:
        click.echo(orjson.dumps(truth.as_dict(), option=orjson.OPT_INDENT_2))
    else:
        tables().print(_table(truth, out_dir))


def _table(truth: Truth, out_dir: Path) -> Table:
    table = Table(title=f"{truth.hours} hours in {out_dir}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    counts = truth.counts
    rows = {
        "lines": truth.lines,
        "landed": truth.landed,
        "rejected": truth.rejected,
        "repaired": truth.repaired,
        "typed": truth.typed,
        "quarantined": truth.quarantined,
        "duplicates within an hour": truth.duplicates_in_hour,
        "duplicates across hours": truth.duplicates_across_hours,
        "pull requests opened": counts.pull_requests_opened,
        "pull requests merged": counts.pull_requests_merged,
        "pull requests rejected": counts.pull_requests_rejected,
        "files that cannot be read": len(truth.unreadable_files),
    }
    for name, number in rows.items():
        table.add_row(name, f"{number:,}")
    return table
