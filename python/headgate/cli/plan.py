"""Commands for changes: plan, approve, apply."""

from __future__ import annotations

import json
import sys
import time

import click

from headgate import postgres
from headgate.errors import ConfirmationRequired
from headgate.planning import apply as applying
from headgate.planning import approvals, reports
from headgate.planning.declared import Declared, read_declared
from headgate.planning.deployed import read_deployed
from headgate.planning.plan import Plan, make_plan
from headgate.postgres.connection import Connection, open_psycopg2
from headgate.postgres.working import with_connection
from headgate.settings import Settings, load_settings


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plan(as_json: bool) -> None:
    """Preview the changes in each layer, additive or breaking, and their cost.

    Compares the project with what is deployed. Exit code 4 if a breaking change is not approved.
    """
    settings = load_settings()
    declared = _declared(settings)

    async def work(connection: Connection) -> tuple[Plan, bool]:
        found = make_plan(declared, await read_deployed(connection))
        return found, await approvals.is_approved(connection, found)

    planned, approved = with_connection(settings, work)
    report = reports.of_plan(planned, approved=approved)
    if as_json:
        click.echo(json.dumps({**planned.as_dict(), "approved": approved}, indent=2))
    else:
        click.echo(report.text())
        click.echo(f"\nreport: {report.write(settings)}")
    if planned.problems or (planned.breaking and not approved):
        sys.exit(ConfirmationRequired.exit_code)


@click.command()
@click.argument("plan_hash", metavar="HASH")
def approve(plan_hash: str) -> None:
    """Approve the breaking changes of the current plan, identified by HASH."""
    settings = load_settings()
    declared = _declared(settings)

    async def work(connection: Connection) -> Plan:
        found = make_plan(declared, await read_deployed(connection))
        await approvals.approve(connection, found, plan_hash)
        return found

    planned = with_connection(settings, work)
    for change in planned.breaking:
        click.echo(f"approved  {change.name}: {change.sentence()}")
    click.echo("Carry it out with `headgate apply --yes`.")


@click.command()
@click.option("--yes", is_flag=True, help="Confirm. Without it, only the plan is printed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def apply(yes: bool, as_json: bool) -> None:
    """Apply an additive or approved plan: rebuild behind all gates, then publish."""
    settings = load_settings()
    declared = _declared(settings)
    started = time.monotonic()

    async def work(connection: Connection) -> applying.Applied | None:
        planned = make_plan(declared, await read_deployed(connection))
        if planned.is_empty:
            return None
        if not as_json and not yes:
            click.echo(reports.of_plan(planned).text() + "\n")
        await applying.require_leave(connection, planned, confirmed=yes)
        return await applying.apply(connection, settings, planned, _progress if sys.stderr.isatty() else None)

    applied = with_connection(settings, work)
    if as_json:
        found = applied and {"hash": applied.plan.hash, "release": applied.release}
        click.echo(json.dumps(found, indent=2))
    elif applied is None:
        click.echo("Nothing to apply: what is declared is what is deployed.")
    else:
        report = reports.of_apply(applied, time.monotonic() - started)
        click.echo(report.text())
        click.echo(f"\nreport: {report.write(settings)}")


def _declared(settings: Settings) -> Declared:
    """Reads the project, which takes dbt some seconds, and says so."""
    # Whoever cannot be told what is deployed need not wait.
    open_psycopg2(postgres.dsn(settings)).close()
    if sys.stderr.isatty():
        click.echo("compiling the project ...", err=True)
    return read_declared(settings)


def _progress(done: int, total: int) -> None:
    click.echo(f"\rdbt {done} of {total}", nl=done == total, err=True)
