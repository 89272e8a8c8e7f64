"""The demonstration's last part: a model of merges, trained, served, and two canaries of it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.table import Table

from headgate import private
from headgate.errors import GateFailed, HeadgateError
from headgate.model import versions
from headgate.model.deployment import canary, steps
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.model.package import Package
from headgate.model.signature import Signature
from headgate.model.versions import ModelVersion
from headgate.pipelines import models
from headgate.postgres.connection import Connection
from headgate.postgres.working import with_connection
from headgate.settings import Settings

MODEL = "pull_request_merge"
SECONDS_TO_START, SECONDS_TO_LAND = 60, 30
#: Pull requests that each canary is asked about, and that are shown.
ASKED, SHOWN = 1_000, 3
#: One of each author and repository: a canary counts each key once.
OPENINGS = """
    select * from (
        select distinct on (repository_id, actor_id) * from training.pull_requests_opened
        order by repository_id, actor_id, opened_at desc
    ) as openings
    where (is_merged is null) = $1
    order by opened_at desc, pull_request_id
    limit $2
"""
LANDED = "select count(*) from staging_predictions.answers"
#: A version that raises on every fifth pull request, as one does that meets what it was never tried with.
BROKEN = '''"""Fails on pull requests whose size cannot be divided."""


def predict(rows):
    """Raises for a fifth of them."""
    for row in rows:
        if (row["additions_count"] or 0) % 5 == 1:
            raise ZeroDivisionError("size")
    return [0.5 for _ in rows]
'''
#: The demonstration asks about pull requests of long ago: their labels are looked for over twelve years.
REPLAYED = {
    "label_tolerance": "4500d",
    "promote": True,
    "smallest_traffic": 300,
    "margin": 0.05,
    "error_margin": 0.03,
}
#: Of the keys, so that a thousand are enough for both tests.
SHARE = 0.5


@dataclass
class Story:
    """What came of it."""

    trained: ModelVersion
    card: Path
    #: Why it was not registered; then nothing else was done.
    refused: str = ""
    predictions: list[dict[str, Any]] = field(default_factory=list)
    broken: dict[str, Any] = field(default_factory=dict)
    healthy: dict[str, Any] = field(default_factory=dict)


def tell_merging(settings: Settings) -> Story:
    """Trains, registers, deploys, serves, predicts, and lets one canary fail and one succeed.

    Raises:
        HeadgateError: something that has to work does not.
    """
    refused = ""
    try:
        models.train_model(MODEL)
    except GateFailed as error:
        refused = error.found
    trained = with_connection(settings, lambda connection: versions.find(connection, MODEL))
    package = with_connection(settings, lambda connection: versions.load(connection, MODEL, trained.version))
    story = Story(trained, _write_card(settings, package), refused)
    if refused:
        return story
    with_connection(settings, lambda connection: _champion(connection, trained.version))
    newest, decided = (
        with_connection(settings, partial(_openings, is_open=is_open, most=most))
        for is_open, most in ((True, SHOWN), (False, ASKED))
    )
    with _served(settings) as client:
        shown = [_instance(package.signature, row) for row in newest]
        story.predictions = [
            {**dict(row), **answer}
            for row, answer in zip(newest, _predict(client, shown, explain=True), strict=True)
        ]
        asked = [_instance(package.signature, row) for row in decided]
        for name, version in (("broken", _broken(package)), ("healthy", package)):
            setattr(story, name, _canary(settings, client, version, asked, name))
    return story


def _canary(
    settings: Settings, client: httpx.Client, package: Package, asked: Sequence[Any], name: str
) -> dict[str, Any]:
    """Deploys a version on a part of the keys, asks about every pull request, and lets the tests decide."""
    options = {**package.options, "canary": REPLAYED}
    number = with_connection(
        settings, lambda connection: _deployed(connection, replace(package, options=options), name)
    )
    before = with_connection(settings, lambda connection: connection.fetchval(LANDED))
    _await_version(client, number)
    begun = time.monotonic()
    for instance in asked:
        _predict(client, [instance])
    seconds = time.monotonic() - begun
    _await_log(settings, before + len(asked))
    outcome = with_connection(
        settings, lambda connection: canary.look(connection, MODEL, lambda *_, **__: None, asked=NO_APPROVAL)
    )
    return {
        "version": number,
        "answers": len(asked),
        "seconds": seconds,
        "verdict": outcome.running.verdict.verdict if outcome.running else "none",
        "reasons": outcome.running.verdict.reasons if outcome.running else (),
        "done": outcome.done.action if outcome.done else "nothing",
    }


async def _openings(connection: Connection, *, is_open: bool, most: int) -> list[Any]:
    """The newest openings whose label is not known yet, or is."""
    found: list[Any] = await connection.fetch(OPENINGS, is_open, most)
    return found


async def _champion(connection: Connection, version: int) -> None:
    """Makes a version champion, whatever a demonstration before has left."""
    await canary.promote(connection, MODEL, version, "demonstration", forced=True, asked=NO_APPROVAL)


async def _deployed(connection: Connection, package: Package, name: str) -> int:
    """A version of the demonstration's own making, which no gate had to judge."""
    made = await versions.add(connection, package, passed=True)
    await steps.register(connection, MODEL, made.version, f"demonstration: a {name} version")
    await canary.deploy(
        connection, MODEL, made.version, SHARE, f"demonstration: a {name} version", asked=NO_APPROVAL
    )
    return made.version


def _broken(package: Package) -> Package:
    """The model with other insides: what answers is Python that raises now and then."""
    files = {"model.json": json.dumps({"module": "predictor"}).encode(), "predictor.py": BROKEN.encode()}
    return replace(package, flavour="pyfunc", files=files)


def _instance(signature: Signature, row: Any) -> dict[str, Any]:
    """What a client sends that knows of an opening only what it tells itself."""
    return {
        "key": {name: row[name] for name, _ in signature.keys},
        "inputs": {given.name: row[given.name] for given in signature.requested},
    }


def _predict(client: httpx.Client, asked: Sequence[Any], *, explain: bool = False) -> list[dict[str, Any]]:
    answer = client.post("/predict", json={"instances": list(asked), "explain": explain})
    if answer.status_code not in (200, 500):
        raise HeadgateError(
            "POST /predict",
            expected="an answer",
            found=f"{answer.status_code}: {answer.text[:200]}",
            next_step=f"run `headgate serve {MODEL}` and ask again",
        )
    found: list[dict[str, Any]] = answer.json().get("predictions", [])
    return found


@contextlib.contextmanager
def _served(settings: Settings) -> Iterator[httpx.Client]:
    """A server of the model on a free port of this machine, until the block ends."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = private.touch(private.folder(settings.home / "logs") / "demo-serve.log")
    command = [str(Path(sys.executable).with_name("headgate")), "serve", MODEL, "--port", str(port)]
    with log.open("w") as output:
        server = subprocess.Popen(
            command, cwd=settings.project_dir, stdout=output, stderr=output, env=os.environ
        )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            _await(lambda: _is_ready(client), SECONDS_TO_START, f"headgate serve {MODEL}", f"see {log}")
            yield client
    finally:
        server.send_signal(signal.SIGTERM)
        server.wait(timeout=30)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == 200
    except httpx.TransportError:
        return False


def _await_version(client: httpx.Client, version: int) -> None:
    """The server has taken up the challenger."""
    _await(
        lambda: client.get("/model").json().get("challenger") == version,
        SECONDS_TO_LAND,
        f"headgate serve {MODEL}",
        "ask its /model",
    )


def _await_log(settings: Settings, rows: int) -> None:
    """The prediction log has landed."""
    _await(
        lambda: with_connection(settings, lambda connection: connection.fetchval(LANDED)) >= rows,
        SECONDS_TO_LAND,
        "prediction log",
        "look at `headgate loads`",
    )


def _await(look: Any, seconds: float, subject: str, next_step: str) -> None:
    deadline = time.monotonic() + seconds
    while not look():
        if time.monotonic() > deadline:
            raise HeadgateError(
                subject, expected=f"it within {seconds:g} s", found="not yet", next_step=next_step
            )
        time.sleep(0.2)


def _write_card(settings: Settings, package: Package) -> Path:
    path = private.touch(private.folder(settings.home / "demo") / "card.html")
    path.write_bytes(package.files["card.html"])
    return path


def print_merging(console: Console, story: Story) -> None:
    """Prints what came of it, in eighty columns."""
    console.rule("[bold]Will a pull request be merged within three hours?", align="left")
    trained, figures = story.trained, story.trained.figures
    console.print(
        f"{trained.flavour}, version {trained.version}, dataset {trained.dataset_id},"
        f" release {trained.release_id}; {figures['rows']['train']:,} pull requests learned from,"
        f" {figures['rows']['test']:,} tested",
        highlight=False,
    )
    for name, of in (("model", figures), *figures["baselines"].items()):
        auc, brier = of["auc"], of["brier"]
        console.print(
            f"  {name.replace('_', ' '):20} AUC {auc['value']:.3f} [{auc['low']:.3f}, {auc['high']:.3f}]"
            f"  Brier {brier['value']:.3f}".replace("[", "\\["),
            highlight=False,
        )
    passed = sum(gate["verdict"] != "failed" for gate in trained.gates)
    console.print(f"{passed} of {len(trained.gates)} gates passed; card: {story.card}", highlight=False)
    if story.refused:
        console.print(f"Not registered: {story.refused}", highlight=False)
        return
    console.print(_predictions(story.predictions))
    for name in ("broken", "healthy"):
        told = getattr(story, name)
        reasons = "; ".join(told["reasons"]).replace("[", "\\[")
        console.print(
            f"A {name} version as canary of {SHARE:.0%}: {told['answers']:,} requests in"
            f" {told['seconds']:.1f} s; verdict {told['verdict']}, then {told['done']}: {reasons}",
            highlight=False,
        )


def _predictions(rows: Sequence[dict[str, Any]]) -> Table:
    table = Table(title="Pull requests just opened", title_justify="left", box=None, pad_edge=False)
    for heading in ("pull request", "score", "version", "what counts most"):
        table.add_column(heading, no_wrap=heading != "what counts most")
    for row in rows:
        added = {name: value for name, value in row["contributions"].items() if name != "base"}
        most = sorted(added, key=lambda name: -abs(added[name]))[:2]
        reasons = ", ".join(f"{name.rpartition('__')[2]} {added[name]:+.2f}" for name in most)
        table.add_row(str(row["pull_request_id"]), f"{row['score']:.2f}", str(row["version"]), reasons)
    return table
