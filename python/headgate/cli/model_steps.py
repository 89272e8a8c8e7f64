"""Commands that change what is deployed of a model."""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

import click

from headgate.errors import GateFailed, UsageError
from headgate.model.deployment import approvals, canary, fit, steps
from headgate.model.promotions import Promotion
from headgate.pipelines.alerts import tell
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.settings import load_settings

T = TypeVar("T")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
WHY = click.option("--why", default="not given", help="The reason, for the log.")
NEEDED = click.option("--why", required=True, help="The reason, for the log.")
#: Value of --with-release without a number.
FITTING = "fitting"


@click.command("register")
@click.argument("name")
@click.argument("version", type=int)
@WHY
@AS_JSON
def register(name: str, version: int, why: str, as_json: bool) -> None:
    """Register VERSION of NAME: it passed its gates and can be deployed.

    Refused if a gate failed; the reason names it with its figures.
    """
    found = with_connection(
        load_settings(), lambda connection: steps.register(connection, name, version, why)
    )
    said = f"{name} version {version} is registered, by {found.registered_by}."
    click.echo(json.dumps(found.as_dict(), indent=2) if as_json else said)


@click.command("approve")
@click.argument("name")
@click.argument("version", type=int)
@NEEDED
@AS_JSON
def approve(name: str, version: int, why: str, as_json: bool) -> None:
    """Approve VERSION of NAME for deployment; the log keeps who did, and why."""
    _say(
        _done(name, lambda connection, asked: steps.approve(connection, name, version, why, asked=asked)),
        as_json,
    )


@click.command("deploy")
@click.argument("name")
@click.argument("version", type=int, required=False)
@click.option(
    "--share", type=click.FloatRange(0, 1), help="Share of keys; 0 is shadow only. Default: declared."
)
@WHY
@AS_JSON
def deploy(name: str, version: int | None, share: float | None, why: str, as_json: bool) -> None:
    """Deploy VERSION of NAME beside the champion, as canary or in its shadow. Default: the newest.

    The first version deployed becomes champion. Called again with another --share it shifts the canary.
    """
    _say(
        _done(
            name,
            lambda connection, asked: canary.deploy(connection, name, version, share, why, asked=asked),
        ),
        as_json,
    )


@click.command("promote")
@click.argument("name")
@click.argument("version", type=int, required=False)
@click.option("--force", is_flag=True, help="Promote without a verdict; needs --why.")
@WHY
@AS_JSON
def promote(name: str, version: int | None, force: bool, why: str, as_json: bool) -> None:
    """Make the challenger of NAME champion once it is shown to be as good; else exit code 3."""
    if force and why == "not given":
        raise UsageError(
            f"promotion of model {name}",
            expected="a reason with --force",
            found="none",
            next_step="add --why '...'",
        )
    _say(
        _done(
            name,
            lambda connection, asked: canary.promote(
                connection, name, version, why, forced=force, asked=asked
            ),
        ),
        as_json,
    )


@click.command("rollback")
@click.argument("name")
@click.option("--to", type=int, help="Version to return to. Default: undo the newest step.")
@click.option(
    "--with-release",
    is_flag=False,
    flag_value=FITTING,
    metavar="[RELEASE]",
    help="Move the active release too, in the same transaction. Default: the newest before it that fits.",
)
@WHY
@AS_JSON
def rollback(name: str, to: int | None, with_release: str | None, why: str, as_json: bool) -> None:
    """Take the challenger of NAME out, or else return to the champion before.

    Refused if the version does not fit the release; --with-release moves both together.
    """

    async def work(connection: Connection) -> Promotion:
        release = await _release(connection, name, to, with_release)
        return await steps.roll_back(connection, name, to, why, release=release)

    _say(with_connection(load_settings(), work), as_json)


@click.command("undeploy")
@click.argument("name")
@NEEDED
@AS_JSON
def undeploy(name: str, why: str, as_json: bool) -> None:
    """Take NAME out of service, champion and challenger.

    Servers answer 503 from then on, and releases need not fit the model any more.
    """
    _say(with_connection(load_settings(), lambda connection: steps.undeploy(connection, name, why)), as_json)


@click.command("watch")
@click.argument("name")
@click.option("--once", is_flag=True, help="Look once; exit code 3 if the challenger is taken out.")
@click.option("--every", type=click.FloatRange(min=1), default=60, show_default=True, help="Seconds.")
@AS_JSON
def watch(name: str, once: bool, every: float, as_json: bool) -> None:
    """Judge the running challenger of NAME; take it out, or promote it where so declared.

    Taken out is what is worse, what has too little traffic at its deadline, and what is undecided then.
    """
    while True:
        with contextlib.redirect_stdout(sys.stderr):
            found = _done(name, lambda connection, asked: canary.look(connection, name, tell, asked=asked))
        click.echo(json.dumps(found.as_dict()) if as_json else _looked(found))
        if once or found.running is None or found.done is not None:
            break
        time.sleep(every)
    if found.running and found.done and found.done.action == "stop":
        raise GateFailed(
            f"model {name} version {found.running.challenger}",
            expected=f"to be as good as the champion, version {found.running.champion}",
            found=f"{found.running.verdict.verdict}: {'; '.join(found.running.verdict.reasons)}",
            next_step="the champion answers all keys again; see what differs: "
            f"`headgate model diff {name} {found.running.champion} {found.running.challenger}`",
        )


STEPS = (register, approve, deploy, promote, rollback, undeploy, watch)


async def _release(connection: Connection, name: str, to: int | None, with_release: str | None) -> int | None:
    if with_release is None:
        return None
    target = await steps.rollback_target(connection, name, to)
    if with_release != FITTING:
        if with_release.isdecimal():
            return int(with_release)
        found: str = with_release
    elif release := await fit.fitting_release(connection, target):
        return release
    else:
        found = f"none that version {target.version} fits"
    raise UsageError(
        f"rollback of model {name} with its release",
        expected="the number of a release before the active one",
        found=found,
        next_step="run `headgate releases` to see them",
    )


def _done(name: str, step: Callable[[Connection, str], Awaitable[T]]) -> T:
    """A step, held to the approval that the project asks for now."""
    settings = load_settings()
    asked = approvals.asked_by(settings.project_dir, name)
    return with_connection(settings, lambda connection: step(connection, asked))


def _looked(found: canary.Outcome) -> str:
    if found.running is None:
        return "No challenger is deployed."
    verdict = found.running.verdict
    done = f" -> {found.done.action}" if found.done else ""
    return f"version {found.running.challenger} is {verdict.verdict}{done}: {'; '.join(verdict.reasons)}"


def _say(done: Promotion, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(done.as_dict(), indent=2))
        return
    parts = [f"champion version {done.champion}" if done.champion else "no champion"]
    if done.challenger is not None:
        parts.append(f"challenger version {done.challenger} with {done.canary_share:.0%} of the keys")
    parts.append(f"release {done.release_id}" if done.release_id else "no release")
    click.echo(f"{done.action} of {done.model} version {done.version}: {', '.join(parts)}.")
