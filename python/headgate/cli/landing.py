"""What people see of landing: a bar while it lasts, then a table of the loads."""

from __future__ import annotations

from collections import Counter

from headgate.landing import LoadResult, Progress, land_files
from headgate.report import number_of
from headgate.settings import Settings
from headgate.sources import Delivery


def land_with_progress(
    settings: Settings, source: str, deliveries: list[Delivery], connections: int | None, again: bool
) -> list[LoadResult]:
    """Lands with a progress bar on a terminal; says where hours come from."""
    # Imported here: `--json` needs neither.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    console = Console(stderr=True)
    remote = sum(delivery.is_remote for delivery in deliveries)
    console.print(
        f"{number_of(len(deliveries), 'partition')}: "
        f"{len(deliveries) - remote} from files, {remote} over HTTP",
        highlight=False,
    )
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Bar(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("starting", total=len(deliveries))
        parts: dict[Delivery, float] = {}
        lines: dict[Delivery, int] = {}

        def on_progress(message: Progress | LoadResult) -> None:
            done = isinstance(message, LoadResult)
            share = 0.5 if isinstance(message, Progress) and message.stage == "download" else 1.0
            if isinstance(message, Progress):
                parts[message.delivery] = share * message.done / max(message.total, message.done, 1)
                lines[message.delivery] = message.lines
            else:
                parts[message.delivery], lines[message.delivery] = 1.0, message.lines_read
            what = f"{message.delivery.title} " + ("done" if done else getattr(message, "stage", ""))
            bar.update(
                task, completed=sum(parts.values()), description=f"{what}, {sum(lines.values()):,} lines"
            )

        return land_files(
            settings, source, deliveries, connections=connections, on_progress=on_progress, again=again
        )


def show_loads(results: list[LoadResult], seconds: float) -> None:
    """Prints one line per load, the sum, and why loads failed."""
    from rich.table import Table

    from headgate.cli.console import tables

    console = tables()
    table = Table(box=None, pad_edge=False)
    table.add_column("partition")
    table.add_column("status")
    for name in ("lines", "landed", "rejected", "repaired", "MB", "rows/s"):
        table.add_column(name, justify="right")
    colors = {"landed": "green", "replaced": "yellow", "failed": "red"}
    for result in results:
        speed = f"{result.rows_per_second:,.0f}" if result.status in ("landed", "replaced") else ""
        color = colors.get(result.status, "dim")
        table.add_row(result.delivery.title, f"[{color}]{result.status}[/]", *_counts([result]), speed)
    written = [result for result in results if result.status in ("landed", "replaced")]
    total = f"{sum(result.rows_landed for result in written) / max(seconds, 0.001):,.0f}"
    table.add_section()
    table.add_row(
        number_of(len(results), "load"),
        f"{len(written)} written",
        *_counts(results),
        total if written else "",
    )
    console.print(table)
    for reason, count in Counter(result.reason for result in written if result.reason).items():
        console.print(f"{count} replaced: {reason}", highlight=False)
    for result in results:
        if result.status == "discarded":
            console.print(
                f"{result.delivery.title}: load {result.load_id} of the same content was discarded, nothing "
                f"landed; {result.reason}",
                markup=False,
                highlight=False,
                soft_wrap=True,
            )
        if result.error:
            console.print(f"\n[red bold]{result.delivery.title} failed[/]")
            for label, key in (
                ("object", "subject"),
                ("expected", "expected"),
                ("found", "found"),
                ("next", "next_step"),
            ):
                console.print(
                    f"  {label:<9} {result.error[key]}", markup=False, highlight=False, soft_wrap=True
                )


def _counts(results: list[LoadResult]) -> list[str]:
    keys = ("lines_read", "rows_landed", "rows_rejected", "rows_repaired")
    megabytes = sum(result.bytes_read for result in results) / 1e6
    return [*(f"{sum(getattr(result, key) for result in results):,}" for key in keys), f"{megabytes:,.1f}"]
