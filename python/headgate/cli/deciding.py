"""What commands that record a decision have in common: plan, confirmation, report."""

from __future__ import annotations

import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import click

from headgate.errors import ConfirmationRequired
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.report import Report
from headgate.settings import Settings, load_settings

reason_option = click.option("--reason", help="Why; recorded with the decision.")
yes_option = click.option(
    "--yes", is_flag=True, help="Confirm. Without it, only the plan is printed (exit code 4)."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


def source_argument(command: Callable[..., None]) -> Callable[..., None]:
    """The source that a list is of, as an argument; `--source`, which some lists had for it, still works."""

    @functools.wraps(command)
    def called(source: str | None, source_option: str | None, **others: Any) -> None:
        if source and source_option not in (None, source):
            raise click.UsageError("SOURCE and --source name two sources")
        command(source=source or source_option, **others)

    option = click.option("--source", "source_option", hidden=True)
    return click.argument("source", required=False)(option(called))


class Change(Protocol):
    """What a decision would change."""

    @property
    def is_needed(self) -> bool:
        """False when it is so already."""

    def as_dict(self) -> dict[str, Any]:
        """The change for programs."""


def decide(
    plan: Callable[[Connection], Awaitable[Change]],
    carry_out: Callable[[Connection], Awaitable[object]],
    report: Callable[[Any, bool], Report],
    *,
    command: str,
    yes: bool,
    as_json: bool,
) -> None:
    """Prints the plan of a decision and, once it is confirmed, carries it out.

    Args:
        plan: what it would change.
        carry_out: changes it, in one transaction.
        report: the report of a plan, and whether it is done.
        command: what was typed, the reason included, without --yes.
        yes: whether it is confirmed.
        as_json: print JSON instead of the report.

    Raises:
        ConfirmationRequired: something would change, and `yes` is not set.
    """
    settings = load_settings()

    async def work(connection: Connection) -> Change:
        planned = await plan(connection)
        if yes and planned.is_needed:
            await carry_out(connection)
        return planned

    planned = with_connection(settings, work)
    done = yes and planned.is_needed
    if as_json:
        click.echo(json.dumps({**planned.as_dict(), "done": done}, indent=2, default=str))
    else:
        tell(settings, report(planned, done))
    require_confirmation(command, yes=yes or not planned.is_needed)


def tell(settings: Settings, report: Report) -> None:
    """Prints a report, and keeps it."""
    click.echo(report.text())
    click.echo(f"\nreport: {report.write(settings)}")


def require_confirmation(command: str, *, yes: bool) -> None:
    """Refuses what was not confirmed.

    Raises:
        ConfirmationRequired: it was not; names the command that does it.
    """
    if not yes:
        raise ConfirmationRequired(
            command,
            expected="a confirmation",
            found="none; nothing was changed",
            next_step=f"{command} --yes",
        )
