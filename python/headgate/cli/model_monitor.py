"""`headgate model monitor`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any

import click

from headgate.errors import GateFailed
from headgate.model import versions
from headgate.model.deployment.state import champion
from headgate.model.monitoring.report import Monitored, waiting
from headgate.model.monitoring.report import monitor as monitored
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.report import table
from headgate.settings import load_settings

DRIFT = {
    "input": "drift of",
    "psi": "PSI",
    "q_value": "corrected p",
    "keys_count": "keys",
    "is_alarm": "alarm",
}
#: Inputs that drifted most are shown; `--json` has all.
SHOWN = 15


@click.command("monitor")
@click.argument("name")
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Day, UTC. Default: today.")
@click.option("--version", type=int, help="Version. Default: the champion.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def monitor(name: str, day: datetime | None, version: int | None, as_json: bool) -> None:
    """Report a day of NAME: volume, errors, latency, drift, skew, quality, cost; exit code 3 on an alarm.

    It reads what `dbt build` made of the landed log. `headgate check` tells an alarm when it begins and when
    it ends.
    """
    asked = (day or datetime.now(UTC)).date()

    async def work(connection: Connection) -> tuple[Monitored | None, int]:
        await versions.find(connection, name)
        found = await versions.find(connection, name, version or await champion(connection, name))
        return await monitored(connection, found, asked), await waiting(connection)

    found, unbuilt = with_connection(load_settings(), work)
    if as_json:
        told = found and {**found.as_dict(), "answers_waiting_for_a_build": unbuilt}
        click.echo(json.dumps(told, indent=2, default=str))
    else:
        click.echo("\n".join([*_lines(found, asked), *_waiting(unbuilt)]))
    if found and found.alarms:
        _refuse(found)


def _refuse(found: Monitored) -> None:
    raise GateFailed(
        f"model {found.model} version {found.version}, {found.day}",
        expected="no alarm",
        found="; ".join(alarm.sentence for alarm in found.alarms),
        next_step="see docs/monitoring.md; `headgate model rollback` returns to the version before",
    )


def _waiting(unbuilt: int) -> list[str]:
    return [f"{unbuilt} answers wait for a build: `headgate run build_features`"] if unbuilt else []


def _lines(found: Monitored | None, day: date) -> list[str]:
    if found is None:
        return [f"No answers of {day} were built."]
    lines = [f"{found.model} version {found.version}, {found.day}"]
    lines += table(("figure", "value"), [(name, _number(value)) for name, value in found.figures.items()])
    drift = [{shown: row[name] for name, shown in DRIFT.items()} for row in found.drift[:SHOWN]]
    for title, rows in (("drift", drift), ("skew", found.skew), ("quality", found.quality)):
        lines += _section(title, rows)
    estimate = _number(found.estimate["expected_brier"])
    lines += ["", f"Brier score without labels: {estimate} ({found.estimate['note']})"]
    lines += [f"{name.replace('_', ' ')}: {_number(value)}" for name, value in found.cost.items()]
    return [*lines, *(f"ALARM {alarm.sentence}" for alarm in found.alarms)]


def _section(title: str, rows: Sequence[dict[str, Any]]) -> list[str]:
    if not rows:
        return []
    shown = [tuple(_number(value) for value in row.values()) for row in rows]
    return ["", title, *table(tuple(rows[0]), shown)]


def _number(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else ""
    return f"{value:.4g}" if isinstance(value, float) else "-" if value is None else str(value)
