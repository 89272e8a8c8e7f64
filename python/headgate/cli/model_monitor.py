"""`headgate model monitor`."""

from __future__ import annotations

import contextlib
import json
import sys
from datetime import UTC, datetime

import click

from headgate.errors import GateFailed, UsageError
from headgate.model import promotions, versions
from headgate.model.deployment.state import State
from headgate.model.monitoring.answers import Window
from headgate.model.monitoring.report import Monitored
from headgate.model.monitoring.report import monitor as monitored
from headgate.pipelines.alerts import tell
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.report import table
from headgate.settings import load_settings


@click.command("monitor")
@click.argument("name")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Day, UTC. Default: today.")
@click.option("--version", type=int, help="Version. Default: the champion.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def monitor(name: str, day: datetime | None, version: int | None, as_json: bool) -> None:
    """Report a day of NAME: volume, errors, latency, drift, skew, quality, cost; exit code 3 on an alarm."""
    window = Window(day=(day or datetime.now(UTC)).date())

    async def work(connection: Connection) -> Monitored | None:
        await versions.find(connection, name)
        number = version or State.of(await promotions.current(connection, name)).champion
        if number is None:
            raise UsageError(
                f"model {name}",
                expected="a champion, or --version",
                found="nothing is deployed",
                next_step=f"run `headgate model deploy {name} VERSION` first",
            )
        return await monitored(connection, await versions.find(connection, name, number), window)

    found = with_connection(load_settings(), work)
    if found is None:
        click.echo("null" if as_json else "No prediction has been landed yet.")
        return
    click.echo(json.dumps(found.as_dict(), indent=2, default=str) if as_json else "\n".join(_lines(found)))
    if found.alarms:
        _alarm(found)


def _alarm(found: Monitored) -> None:
    subject = f"{found.model} version {found.version}"
    with contextlib.redirect_stdout(sys.stderr):
        for reason in found.alarms:
            tell("model_alarm", subject=subject, day=found.day, message=reason)
    raise GateFailed(
        f"model {subject}, {found.day}",
        expected="no alarm",
        found="; ".join(found.alarms),
        next_step="see docs/monitoring.md; `headgate model rollback` returns to the version before",
    )


def _lines(found: Monitored) -> list[str]:
    figures = found.figures
    lines = [f"{found.model} version {found.version}, {found.day}"]
    lines += table(("figure", "value"), [(name, _number(value)) for name, value in figures.items()])
    lines += [
        "",
        *table(("drift of", "PSI", "corrected p", "keys", "alarm"), [_drift(one) for one in _top(found)]),
    ]
    for title, rows in (("skew", found.skew), ("quality", found.quality)):
        if rows:
            shown = [tuple(_number(value) for value in row.values()) for row in rows]
            lines += ["", title, *table(tuple(rows[0]), shown)]
    estimate = _number(found.estimate["expected_brier"])
    lines += ["", f"Brier score without labels: {estimate} ({found.estimate['note']})"]
    lines += [f"{name.replace('_', ' ')}: {_number(value)}" for name, value in found.cost.items()]
    return [*lines, *(f"ALARM {reason}" for reason in found.alarms)]


def _top(found: Monitored) -> list[dict[str, object]]:
    return [drift.as_dict() for drift in found.drift[:15]]


def _drift(one: dict[str, object]) -> tuple[object, ...]:
    shown = (one["feature"], _number(one["psi"]), _number(one["q_value"]), one["rows"])
    return (*shown, "yes" if one["is_alarm"] else "")


def _number(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
