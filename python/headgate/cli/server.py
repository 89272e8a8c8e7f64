"""Commands for the server and its schemas: up, down, status, dsn, env, migrate."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from headgate import postgres, private
from headgate.errors import ConfirmationRequired
from headgate.landing.tables import create_landing_tables
from headgate.postgres import connection, embedded, sessions
from headgate.postgres.state import State, read_state
from headgate.settings import load_settings
from headgate.sources import downloads

if TYPE_CHECKING:
    from headgate.postgres.schema import Step
    from headgate.postgres.sessions import Sessions
    from headgate.settings import Settings
    from headgate.status.operations import Operations


@click.command()
def up() -> None:
    """Start PostgreSQL and bring its schemas up to date, with a landing table for each declared source.

    Starts the embedded server, unless HEADGATE_DSN names one; can be called again at any time.
    """
    settings = load_settings()
    downloads.sweep(settings.home)
    started = postgres.start(settings)
    uri = postgres.dsn(settings)
    postgres.migrate(uri)
    asyncio.run(create_landing_tables(settings))
    state = "started" if started else "running"
    click.echo(f"PostgreSQL {state}: {connection.shown(uri)}")


@click.command()
@click.option("--yes", is_flag=True, help="Stop anyway; connected sessions end.")
def down(yes: bool) -> None:
    """Stop the embedded PostgreSQL; its data stays. Refused while a program is connected."""
    settings = load_settings()
    if settings.dsn is not None:
        click.echo("HEADGATE_DSN names a server that Headgate did not start: left alone")
        return
    connected = _connected(settings)
    if connected and not yes:
        raise ConfirmationRequired(
            "the embedded PostgreSQL",
            expected="nobody who is connected, or a confirmation",
            found="; ".join(map(str, connected)),
            next_step="stop these programs first, or end their sessions: headgate down --yes",
        )
    stopped = postgres.stop(settings)
    click.echo("PostgreSQL stopped" if stopped else "PostgreSQL was not running")
    if stopped and connected:
        click.echo(f"Sessions that this ended: {'; '.join(map(str, connected))}")


def _connected(settings: Settings) -> list[Sessions]:
    """Who stays connected; nobody where no server runs, or where it takes no connection."""
    import psycopg2

    if not embedded.is_running(settings):
        return []
    try:
        return sessions.staying(postgres.dsn(settings))
    except psycopg2.OperationalError:
        return []


@click.command()
def dsn() -> None:
    """Print the URI of the database: psql -d "$(headgate dsn)"."""
    click.echo(postgres.dsn(load_settings()))


@click.command()
def env() -> None:
    """Print the environment that dbt and Mage need: eval "$(headgate env)"."""
    from headgate.pipelines.environment import dbt_env

    settings = load_settings()
    # Made here: what dbt writes there is as open as the umask of the shell says.
    private.folder(settings.home / "logs")
    for name, value in dbt_env(settings).items():
        click.echo(f"export {name}={shlex.quote(value)}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def status(as_json: bool) -> None:
    """Show the server, pipelines and runs, sources, pending and running work, and what is late."""
    from headgate.status.operations import read_operations

    settings = load_settings()
    state = read_state(settings)
    operations = read_operations(settings, datetime.now(UTC)) if state.running else None
    if as_json:
        found = asdict(state) | (operations.as_dict() if operations else {})
        click.echo(json.dumps(found, default=str, indent=2))
    else:
        _print_status(state, operations)
    if not state.running:
        sys.exit(1)


@click.command()
@click.argument("revision", default="head")
@click.option("--plan", "only_plan", is_flag=True, help="Preview the effect; change nothing.")
@click.option("--yes", is_flag=True, help="Confirm that rows are deleted.")
def migrate(revision: str, only_plan: bool, yes: bool) -> None:
    """Move the schemas that Python owns to REVISION: head (default), base, or a migration's number."""
    from headgate.postgres import schema

    uri = postgres.dsn(load_settings())
    here, steps = schema.current(uri), schema.plan(uri, revision)
    losses = schema.losses(uri, steps)
    if not steps:
        click.echo(f"nothing to do: the schemas are at {here}")
        return
    if only_plan or losses:
        _print_plan(here, steps, losses)
    if only_plan:
        return
    if losses and not yes:
        raise ConfirmationRequired(
            f"migration to {revision}",
            expected="a confirmation, because rows are destroyed",
            found="none",
            next_step=f"headgate migrate {revision} --yes",
        )
    schema.migrate(uri, revision)
    click.echo(f"the schemas are at {schema.current(uri)}")


def _print_plan(here: str, steps: list[Step], losses: dict[str, int]) -> None:
    click.echo("Plan")
    for step in steps:
        click.echo(f"  {'upgrade' if step.upgrade else 'downgrade'} {step.revision}: {step.title}")
    click.echo("Blast radius")
    for table, rows in losses.items():
        click.echo(f"  {table}: {rows:,} rows are destroyed")
    if not losses:
        click.echo("  no row is destroyed")
    click.echo("Rollback")
    if losses:
        names = {"ops", *(table.split(".")[0] for table in losses)}
        schemas = " ".join(f"-n {name}" for name in sorted(names))
        tools = embedded.binaries()
        click.echo(f'  save before:  {tools}/pg_dump -Fc {schemas} -f before.dump -d "$(headgate dsn)"')
        click.echo(f'  bring back:   {tools}/pg_restore --clean --if-exists -d "$(headgate dsn)" before.dump')
    else:
        click.echo(f"  headgate migrate {here}")


def _print_status(state: State, operations: Operations | None) -> None:
    from headgate.status.lines import sections

    facts = state.facts()
    width = max(len(name) for name, _ in facts)
    for name, value in facts:
        click.echo(f"{click.style(name.ljust(width), bold=True)}  {value}")
    for heading, lines in (sections(operations, state.loads) if operations else {}).items():
        click.echo(f"\n{click.style(heading, bold=True)}")
        click.echo("\n".join(lines))
