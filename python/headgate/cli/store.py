"""Commands for the feature store: publish, rollback, releases, diff, compact."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import click

from headgate.errors import ConfirmationRequired
from headgate.model.deployment import fit
from headgate.planning import publishing
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.report import Report, number_of, table
from headgate.settings import Settings, load_settings
from headgate.store import compact as compaction
from headgate.store import diff as differences
from headgate.store import ledger, reports
from headgate.store import rollback as moving


@click.command()
@click.option("--compare-all", is_flag=True, help="Compare every row, not only those that dbt changed.")
@click.option(
    "--despite-models", is_flag=True, help="Publish even if a deployed model does not fit the release."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def publish(compare_all: bool, despite_models: bool, as_json: bool) -> None:
    """Publish what dbt built and every gate passed as the next release.

    One transaction covers all feature views. Refused with exit code 3 if a gate failed, was skipped or is
    older than the data, and with exit code 4 if a breaking change is not approved. Refused, too, where a
    model that serves could not read the release.
    """
    settings = load_settings()
    published = asyncio.run(
        publishing.publish_project(settings, compare_all=compare_all, despite_models=despite_models)
    )
    if as_json:
        click.echo(json.dumps(published and published.as_dict(), indent=2))
    elif published is None:
        click.echo(with_connection(settings, _nothing_new))
    else:
        _print(reports.of_publish(published), settings)


@click.command()
@click.option("--to", type=int, help="Release to activate. Default: the previous one.")
@click.option(
    "--despite-models", is_flag=True, help="Move even if a deployed model does not fit the release."
)
@click.option("--yes", is_flag=True, help="Confirm. Without it, only the plan is printed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def rollback(to: int | None, despite_models: bool, yes: bool, as_json: bool) -> None:
    """Roll the active release back, or forward again after a rollback."""
    settings = load_settings()

    async def work(connection: Connection) -> moving.Move:
        planned = await moving.plan(connection, to)
        if not despite_models:
            await fit.require_champions_fit(connection, planned.target.release_id, fit.MOVE_BOTH)
        if yes:
            await moving.move(connection, planned.target.release_id, expected_active=planned.active)
        return planned

    planned = with_connection(settings, work)
    if as_json:
        click.echo(json.dumps({**planned.as_dict(), "done": yes}, indent=2))
    else:
        _print(reports.of_move(planned, done=yes), settings)
    if not yes:
        raise ConfirmationRequired(
            f"rollback to release {planned.target.release_id}",
            expected="a confirmation",
            found="none; nothing was changed",
            next_step=f"headgate rollback --to {planned.target.release_id} --yes",
        )


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@click.pass_context
def releases(context: click.Context, as_json: bool) -> None:
    """List the releases, or show one."""
    if context.invoked_subcommand is not None:
        return
    found, active = with_connection(load_settings(), _all_releases)
    if as_json:
        click.echo(json.dumps({"active": active, "releases": [one.as_dict() for one in found]}, indent=2))
        return
    lines = table(
        ("release", "state", "parent", "published (UTC)", "by", "processed to", "loads", "gates"),
        [
            (
                one.release_id,
                reports.state(one, active),
                one.parent_release,
                f"{one.published_at:%Y-%m-%d %H:%M:%S}",
                one.published_by,
                f"{one.processed_to:%Y-%m-%dT%H:%M}" if one.processed_to else None,
                f"+{len(one.loads_added)} -{len(one.loads_removed)}",
                one.gates["passed"],
            )
            for one in found
        ],
    )
    click.echo("\n".join(lines) if found else "Nothing is published yet.")


@releases.command("show")
@click.argument("release", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_release(release: int, as_json: bool) -> None:
    """Show RELEASE: who published it, when, from which loads, its gates and changes."""

    async def work(connection: Connection) -> tuple[ledger.Release, list[dict[str, Any]], int | None]:
        found = await ledger.release(connection, release)
        views = await connection.fetch(
            "select * from ops.release_views where release_id = $1 order by view", release
        )
        return found, [dict(view) for view in views], await ledger.active_release(connection)

    found, views, active = with_connection(load_settings(), work)
    if as_json:
        click.echo(json.dumps({**found.as_dict(), "views": [_described(view) for view in views]}, indent=2))
    else:
        click.echo("\n".join(reports.of_release(found, views, active)))


def _described(view: dict[str, Any]) -> dict[str, Any]:
    """A feature view of a release for programs."""
    reached = view["processed_to"]
    return {
        **view,
        "columns": json.loads(view["columns"]),
        "processed_to": reached.isoformat() if reached else None,
    }


@click.command()
@click.argument("old", type=int)
@click.argument("new", type=int)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def diff(old: int, new: int, as_json: bool) -> None:
    """Show the changes from release OLD to release NEW, by feature view and column."""
    found = with_connection(load_settings(), lambda connection: differences.diff(connection, old, new))
    if as_json:
        click.echo(json.dumps([view.as_dict() for view in found], indent=2))
        return
    rows = [
        (view.view, view.rows_added, view.rows_removed, view.rows_changed, view.entities) for view in found
    ]
    lines = table(("feature view", "rows added", "removed", "changed", "entities"), rows)
    columns = [
        (view.view, column, count)
        for view in found
        for column, count in sorted(view.columns.items(), key=lambda item: -item[1])
    ]
    if columns:
        lines += ["", *table(("feature view", "column", "rows with another value"), columns)]
    for view in found:
        for what, names in (("added", view.columns_added), ("removed", view.columns_removed)):
            lines += [f"{view.view}: column {what}: {name}" for name in names]
    click.echo("\n".join(lines))


@click.command()
@click.option(
    "--keep", type=click.IntRange(min=1), help="Number of releases to keep. Default: HEADGATE_KEEP_RELEASES."
)
@click.option("--yes", is_flag=True, help="Confirm. Without it, only the plan is printed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def compact(keep: int | None, yes: bool, as_json: bool) -> None:
    """Remove rows that only old releases use, never those of a release bound to a dataset."""
    settings = load_settings()
    number = keep or settings.keep_releases
    work = compaction.compact if yes else compaction.plan
    found = with_connection(settings, lambda connection: work(connection, number))
    if as_json:
        click.echo(json.dumps({**found.__dict__, "done": yes}, indent=2))
    else:
        _print(reports.of_compaction(found, done=yes), settings)
    if not yes and found.releases:
        raise ConfirmationRequired(
            f"compaction of {number_of(len(found.releases), 'release')}",
            expected="a confirmation, because rows are destroyed",
            found="none; nothing was changed",
            next_step=f"headgate compact --keep {number} --yes",
        )


async def _nothing_new(connection: Connection) -> str:
    newest, active = await ledger.newest_release(connection), await ledger.active_release(connection)
    if newest == active:
        return f"Nothing to publish: release {active} holds all that was built."
    return (
        f"Nothing new: what was built is release {newest}, which a rollback to release {active} left. "
        f"Go forward again with `headgate rollback --to {newest}`."
    )


async def _all_releases(connection: Connection) -> tuple[list[ledger.Release], int | None]:
    return await ledger.all_releases(connection), await ledger.active_release(connection)


def _print(report: Report, settings: Settings) -> None:
    click.echo(report.text())
    click.echo(f"\nreport: {report.write(settings)}")
