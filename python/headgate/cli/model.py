"""Commands for models: which there are, and what serves."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from headgate.cli.model_bundle import bundle
from headgate.cli.model_monitor import monitor
from headgate.cli.model_steps import STEPS
from headgate.cli.told import figure_lines, told
from headgate.errors import UsageError
from headgate.model import promotions, versions
from headgate.model.deployment import approvals, canary, differences, fit, state
from headgate.model.deployment.state import Serving, State
from headgate.model.package import Package
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.report import table
from headgate.settings import load_settings
from headgate.store import ledger

AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def model() -> None:
    """Register, deploy and roll back models; tell what served when."""


for step in (*STEPS, monitor):
    model.add_command(step)
model.add_command(bundle)


@model.result_callback()
@click.pass_context
def follow_in_mlflow(context: click.Context, *_result: object) -> None:
    """Has MLflow's mirror follow a step, where there is one; nobody waits for it."""
    from headgate.model.mirror import follow

    if context.invoked_subcommand in {step.name for step in STEPS}:
        follow.start(load_settings())


@model.command("list")
@click.argument("name", required=False)
@AS_JSON
def list_versions(name: str | None, as_json: bool) -> None:
    """List the versions of all models, or of NAME."""

    async def work(connection: Connection) -> list[dict[str, Any]]:
        found = await versions.all_versions(connection, name)
        states = {
            one: State.of(await promotions.current(connection, one)) for one in {v.model for v in found}
        }
        return [{**_row(version), "role": _role(version, states[version.model])} for version in found]

    found = with_connection(load_settings(), work)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    lines = table(
        ("model", "version", "hash", "state", "role", "dataset", "release", "trained (UTC)", "by"),
        [tuple(row.values()) for row in found],
    )
    click.echo("\n".join(lines) if found else "No model has been trained yet.")


@model.command("show")
@click.argument("name")
@click.argument("version", type=int, required=False)
@click.option(
    "--card",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Also write the model card to this file, as .html or .md says.",
)
@AS_JSON
def show(name: str, version: int | None, card: Path | None, as_json: bool) -> None:
    """Show a version of NAME: of what it was made, its figures and gates. Default: the newest."""
    settings = load_settings()

    async def work(connection: Connection) -> tuple[ModelVersion, approvals.Approval]:
        found = await versions.find(connection, name, version)
        if card:
            _write_card(await versions.load(connection, name, found.version), card)
        asked = approvals.asked_by(settings.project_dir, name)
        return found, await approvals.approval_of(connection, found, asked)

    found, approval = with_connection(settings, work)
    if as_json:
        click.echo(json.dumps({**found.as_dict(), "approval": approval.as_dict()}, indent=2))
        return
    click.echo("\n".join(_described(found, f"approval     {approval.sentence}")))


def _write_card(package: Package, file: Path) -> None:
    content = package.files.get(f"card{file.suffix}")
    if content is None:
        raise UsageError(
            f"card {file}",
            expected="a name that ends in .html or .md, and a version that has a card",
            found=f"no card{file.suffix} among its files",
            next_step="name a file such as card.html",
        )
    file.write_bytes(content)


@model.command("at")
@click.argument("time")
@click.argument("name", required=False)
@AS_JSON
def at(time: str, name: str | None, as_json: bool) -> None:
    """Tell what served at TIME (ISO 8601; UTC unless it names an offset), of NAME or of all models."""
    instant = _instant(time)

    async def work(connection: Connection) -> list[Serving]:
        names = [name] if name else sorted({v.model for v in await versions.all_versions(connection)})
        return [await state.at(connection, one, instant) for one in names]

    found = with_connection(load_settings(), work)
    if as_json:
        click.echo(json.dumps([one.as_dict() for one in found], indent=2))
        return
    click.echo("\n\n".join("\n".join(_served(one)) for one in found) or "No model has been trained yet.")


@model.command("diff")
@click.argument("name")
@click.argument("old", type=int)
@click.argument("new", type=int)
@AS_JSON
def diff(name: str, old: int, new: int, as_json: bool) -> None:
    """Show how version NEW of NAME differs from OLD: inputs, views, parameters, figures, gates."""

    async def work(connection: Connection) -> list[dict[str, Any]]:
        pair = [await versions.find(connection, name, number) for number in (old, new)]
        return differences.between(*pair)

    found = with_connection(load_settings(), work)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    rows = [(row["part"], row["what"], _short(row["old"]), _short(row["new"])) for row in found]
    lines = table(("part", "what", f"version {old}", f"version {new}"), rows)
    click.echo("\n".join(lines) if found else "The two versions do not differ.")


@model.command("status")
@click.argument("name")
@AS_JSON
def status(name: str, as_json: bool) -> None:
    """Show what is deployed of NAME, the canary's evidence so far, and the last steps."""

    async def work(connection: Connection) -> dict[str, Any]:
        serving = await state.at(connection, name)
        running = await canary.running(connection, name)
        active = await ledger.active_release(connection)
        against = serving.champion and await fit.reasons_against(connection, serving.champion, active)
        log = (await promotions.history(connection, name))[:10]
        return {
            **serving.as_dict(),
            "misfits": against or [],
            "canary": running and running.as_dict(),
            "log": [row.as_dict() for row in log],
        }

    found = with_connection(load_settings(), work)
    click.echo(json.dumps(found, indent=2) if as_json else "\n".join(_status(found)))


def _row(version: ModelVersion) -> dict[str, Any]:
    passed = "passed" if version.passed else "failed"
    return {
        "model": version.model,
        "version": version.version,
        "hash": version.model_sha256[:12],
        "state": "registered" if version.registered_at else passed,
        "role": None,
        "dataset": version.dataset_id,
        "release": version.release_id,
        "trained": f"{version.trained_at:%Y-%m-%d %H:%M:%S}",
        "by": version.trained_by,
    }


def _role(version: ModelVersion, found: State) -> str | None:
    if version.version == found.champion:
        return "champion"
    return f"challenger, {found.canary_share:.0%}" if version.version == found.challenger else None


def _described(version: ModelVersion, *besides: str) -> list[str]:
    lines = [
        f"{version.model} version {version.version}: {version.task}, {version.flavour}",
        f"SHA-256      {version.model_sha256}",
        f"trained      {version.trained_at:%Y-%m-%d %H:%M:%S} UTC by {version.trained_by}",
        f"dataset      {_or_dash(version.dataset_id)}, release {_or_dash(version.release_id)}",
        f"code         {_or_dash(version.code_revision)}",
        f"registered   {_registered(version)}",
        *besides,
        *(f"figure       {line}" for line in figure_lines(version.figures)),
    ]
    return [*lines, *(f"gate         {_gate(gate)}" for gate in version.gates)]


def _served(found: Serving) -> list[str]:
    moment = f"{found.instant:%Y-%m-%d %H:%M:%S} UTC" if found.instant else "now"
    if found.instant and found.instant > datetime.now(UTC):
        moment += ", which is to come, as things are now"
    if found.champion is None or found.promotion is None:
        return [f"{found.model} at {moment}: nothing served"]
    promotion, challenger = found.promotion, found.promotion.challenger
    lines = [
        f"{found.model} at {moment}: version {found.champion.version}, release {found.release_id} active"
    ]
    if challenger is not None:
        lines.append(f"challenger   version {challenger}, share {promotion.canary_share:.0%}")
    since = f"{promotion.happened_at:%Y-%m-%d %H:%M:%S} UTC"
    lines.append(f"since        {since}: {promotion.action} by {promotion.actor}: {promotion.reason}")
    if found.approval:
        lines.append(f"approved     by {found.approval.actor}: {found.approval.reason}")
    return lines + _described(found.champion)[1:]


def _status(found: dict[str, Any]) -> list[str]:
    champion, running = found["champion"], found["canary"]
    serves = f"version {champion['version']}" if champion else "none"
    lines = [f"champion     {serves}"]
    lines += [f"does not fit {reason}" for reason in found["misfits"]]
    if running:
        lines.append(f"challenger   version {running['challenger']}, share {running['share']:.0%}")
        lines.append(f"deadline     {running['deadline']}")
        lines.append(f"verdict      {running['verdict']}: {'; '.join(running['reasons'])}")
    rows = [(row["happened_at"][:19], row["action"], row["version"], row["reason"]) for row in found["log"]]
    return [*lines, "", *table(("at (UTC)", "step", "version", "why"), rows)]


def _registered(version: ModelVersion) -> str:
    if version.registered_at is None:
        return "no"
    return f"{version.registered_at:%Y-%m-%d %H:%M:%S} UTC by {version.registered_by}"


def _gate(gate: dict[str, Any]) -> str:
    return f"{gate['verdict']:<7} {gate['gate']}: {gate.get('reason') or _short(gate.get('figure'))}"


def _short(value: Any) -> str:
    text = told(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _or_dash(value: object) -> str:
    return "-" if value is None else str(value)


def _instant(text: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"time {text}",
            expected="an ISO 8601 time, for instance 2026-03-01T12:30:00Z",
            found="something else",
            next_step="correct the time",
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
