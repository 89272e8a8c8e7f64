"""The account that ends the demonstration: what landed, what the gates said, what came out, how long."""

from __future__ import annotations

import re
from datetime import datetime
from importlib import resources
from typing import Any

from rich.console import Console
from rich.table import Table

from headgate import postgres
from headgate.settings import Settings

Rows = list[dict[str, Any]]


def load_queries() -> dict[str, str]:
    """The queries of account.sql by name."""
    text = resources.files("headgate_github.demo").joinpath("account.sql").read_text()
    parts = re.split(r"^-- name: (\w+)$", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


async def read_account(settings: Settings) -> dict[str, Rows]:
    """The rows of every query of the account."""
    connection = await postgres.connect(settings)
    try:
        return {
            name: [dict(row) for row in await connection.fetch(query)]
            for name, query in load_queries().items()
        }
    finally:
        await connection.close()


async def has_landed(settings: Settings, hour: datetime) -> bool:
    """Whether an hour has landed, whole or cut short."""
    connection = await postgres.connect(settings)
    try:
        found: bool = await connection.fetchval(
            "select exists (select from ops.loads where partition_start = $1 and status = 'landed')", hour
        )
        return found
    finally:
        await connection.close()


def print_account(console: Console, account: dict[str, Rows], origin: str, seconds: dict[str, float]) -> None:
    """Prints the account for people, in eighty columns."""
    loads, gates = account["loads"][0], account["gates"][0]
    console.rule("[bold]What happened", align="left")
    facts = Table(show_header=False, box=None, pad_edge=False)
    facts.add_column(style="bold", no_wrap=True)
    facts.add_column()
    facts.add_row("Landed", f"{loads['loads']} loads, {origin}")
    facts.add_row(
        "",
        f"{loads['lines_read']:,} lines = {loads['rows_landed']:,} landed + "
        f"{loads['rows_rejected']:,} rejected; {loads['rows_repaired']:,} repaired",
    )
    facts.add_row(
        "Typed",
        f"{loads['rows_landed']:,} landed = {loads['typed']:,} typed + "
        f"{loads['quarantined']:,} quarantined + {loads['duplicates']:,} duplicates",
    )
    warned = f", {gates['warned']} warned" if gates["warned"] else ""
    facts.add_row("Gates", f"{gates['passed']} of {gates['gates']} passed{warned}")
    for gate in account["warned"]:
        facts.add_row("", f"warned: {gate['gate']} ({gate['failures']:,} rows)")
    for view in account["features"]:
        facts.add_row(
            "Features" if view is account["features"][0] else "",
            f"{view['feature_view']}: {view['rows']:,} rows of {view['entities']:,} entities",
        )
    console.print(facts, highlight=False)
    console.print()
    console.print(_repositories(account["repositories"]))
    console.print()
    console.print(_times(seconds))


def _repositories(rows: Rows) -> Table:
    table = Table(
        title="The busiest repositories, as their features say",
        title_justify="left",
        box=None,
        pad_edge=False,
    )
    table.add_column("repository", no_wrap=True, max_width=24, overflow="ellipsis")
    for heading in ("events", "pushes", "stars", "people", "opened", "merged", "rate"):
        table.add_column(heading, justify="right", no_wrap=True, min_width=len(heading))
    for row in rows:
        rate = row["merge_rate_7d"]
        name, *counts = list(row.values())
        table.add_row(name, *(f"{count:,}" for count in counts[:6]), "-" if rate is None else f"{rate:.0%}")
    table.caption = "24 hours; pull requests opened, merged and their merge rate: 7 days"
    table.caption_justify = "left"
    return table


def _times(seconds: dict[str, float]) -> Table:
    table = Table(
        title="Where the time went", title_justify="left", box=None, pad_edge=False, show_header=False
    )
    for stage, taken in [*seconds.items(), ("together", sum(seconds.values()))]:
        if taken >= 0.05:
            table.add_row(stage, f"{taken:6.1f} s")
    return table
