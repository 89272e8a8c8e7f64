"""The account that ends the demonstration: what landed, what the gates said, what came out, what took how long."""

from __future__ import annotations

import re
from importlib import resources
from typing import Any

from rich.console import Console
from rich.table import Table

from headgate import postgres
from headgate.settings import Settings

Rows = list[dict[str, Any]]


def load_queries() -> dict[str, str]:
    """The queries of account.sql by name."""
    text = resources.files("headgate.demo").joinpath("account.sql").read_text()
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


async def read_account(settings: Settings) -> dict[str, Rows]:
    """The rows of every query of the account."""
    connection = await postgres.connect(settings)
    try:
        return {
            name: [dict(row) for row in await connection.fetch(query)] for name, query in load_queries().items()
        }
    finally:
        await connection.close()


def print_account(console: Console, account: dict[str, Rows], origin: str, seconds: dict[str, float]) -> None:
    """Prints the account for people."""
    loads, gates = account["loads"][0], account["gates"][0]
    console.rule("[bold]What happened", align="left")
    console.print(f"[bold]Landed[/]    {loads['loads']} loads: {origin}", highlight=False)
    console.print(
        f"          {loads['lines_read']:,} lines = {loads['rows_landed']:,} landed + "
        f"{loads['rows_rejected']:,} rejected; {loads['rows_repaired']:,} repaired",
        highlight=False,
    )
    console.print(
        f"[bold]Typed[/]     {loads['rows_landed']:,} landed = {loads['typed']:,} typed + "
        f"{loads['quarantined']:,} quarantined + {loads['duplicates']:,} duplicates",
        highlight=False,
    )
    warned = f", {gates['warned']} warned" if gates["warned"] else ""
    console.print(f"[bold]Gates[/]     {gates['passed']} of {gates['gates']} passed{warned}", highlight=False)
    for view in account["features"]:
        console.print(
            f"[bold]Features[/]  {view['feature_view']}: {view['rows']:,} rows of {view['entities']:,} entities, "
            f"up to {view['until']:%Y-%m-%d %H:%M} UTC",
            highlight=False,
        )
    console.print()
    console.print(_repositories(account["repositories"]))
    console.print()
    stages = " · ".join(f"{name} {taken:.1f} s" for name, taken in seconds.items())
    console.print(f"[bold]Time[/]      {stages} · together {sum(seconds.values()):.0f} s", highlight=False)


def _repositories(rows: Rows) -> Table:
    table = Table(
        title="Where most people were active, with their features at the processed hour",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("repository", no_wrap=True, max_width=40)
    for heading in ("events", "pushes", "stars", "people", "PRs opened", "merged", "merge rate", "by bots"):
        table.add_column(heading, justify="right")
    for row in rows:
        rate = row["merge_rate_7d"]
        name, *counts = list(row.values())
        table.add_row(
            name,
            *(f"{count:,}" for count in counts[:6]),
            "-" if rate is None else f"{rate:.0%}",
            f"{row['bot_events_count_24h']:,}",
        )
    table.caption = "events, pushes, stars, people, bots: last 24 hours; pull requests and merge rate: last 7 days"
    table.caption_justify = "left"
    return table
