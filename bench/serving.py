"""`headgate serve` under load: against a bare loop and MLflow's server, with a shadow, with explanations.

All servers run at once, one worker each; they are asked in turns, by one client with keep-alive connections.
PostgreSQL and the client share the machine's cores with them.
"""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import serving_models
from bench.figures import Figure, median_by_name
from bench.servers import Database
from bench.serving_models import bodies, deploy, frames, package, written
from bench.store_data import publish_features
from bench.workbench import Workbench
from headgate.settings import find_project_dir

CONNECTIONS = 16
REQUESTS = 2_000
#: Of the bare loop's, of MLflow's, of those without a shadow.
AT_LEAST = {"bare": 0.5, "mlflow": 15, "shadow": 0.9}
AT_MOST_TO_ROLL_BACK = 1.0
#: A client asks before and after the rollback.
SECONDS_AROUND, SECONDS_AT_MOST = 1.5, 60.0
ALONE, PAIRED = "merge", "merge_paired"
OURS, SHADOW, EXPLAINED = "ours", "shadow", "explained"


@dataclass(frozen=True)
class Way:
    """A server, and what it is asked."""

    port: int
    requests: Path
    path: str = "/predict"

    def load(self, seconds: float, rate: float = 0) -> dict[str, Any]:
        """What a client saw."""
        with self.begun(seconds, rate) as client:
            return answered(client)

    def begun(self, seconds: float, rate: float = 0) -> subprocess.Popen[bytes]:
        """A client that asks."""
        command = [
            *(sys.executable, "-m", "bench.predict_load", "--port", str(self.port), "--path", self.path),
            *("--bodies", str(self.requests), "--connections", str(CONNECTIONS)),
            *("--seconds", str(seconds), "--rate", str(rate)),
        ]
        return subprocess.Popen(command, cwd=find_project_dir(), stdout=subprocess.PIPE)


def answered(client: subprocess.Popen[bytes]) -> dict[str, Any]:
    """What a client saw.

    Raises:
        RuntimeError: a request was lost, or refused.
    """
    found: dict[str, Any] = json.loads(client.communicate()[0])
    if found["lost"] or set(found["answers"]) != {"200"}:
        raise RuntimeError(f"not every request was answered: {found['answers']}, {found['lost']} lost")
    return found


def run(bench: Workbench) -> Iterator[Figure]:
    """Requests a second in turns, then latency at half of that, then a rollback under load."""
    database = bench.database("serving", bench.servers[0])
    entities, trees, seconds = (20_000, 300, 4.0) if bench.full else (200, 20, 0.7)
    publish_features(database, entities, 3)
    champion = package(ALONE, trees)
    (made,) = deploy(database, champion)
    pair = [package(PAIRED, trees, seed) for seed in (1, 2)]
    deploy(database, *pair)
    with contextlib.ExitStack() as stack:
        enter = stack.enter_context
        by_key = written(database.folder / "by_key", bodies(entities, REQUESTS))
        explained = written(database.folder / "explained", bodies(entities, REQUESTS, explain=True))
        alone = enter(serving_models.headgate(database, ALONE))
        paired = enter(serving_models.headgate(database, PAIRED))
        ways = {
            OURS: Way(alone, by_key),
            "bare": Way(enter(serving_models.bare(database, champion)), by_key),
            SHADOW: Way(paired, by_key),
            EXPLAINED: Way(alone, explained),
        }
        theirs = enter(serving_models.mlflow(bench, database, made, champion))
        if theirs is not None:
            whole = written(database.folder / "frames", frames(champion, 200))
            ways["mlflow"] = Way(theirs, whole, "/invocations")
        rates = _rates(bench, ways, seconds)
        yield from _compared(rates)
        yield from _at_half_load(bench, ways, rates, seconds)
        yield from _rolled_back(database, ways[SHADOW])


def _rates(bench: Workbench, ways: dict[str, Way], seconds: float) -> dict[str, float]:
    """Answers a second of each way; after a round that warms up."""
    for way in ways.values():
        way.load(min(seconds, 1.0))
    rounds = []
    for _ in range(bench.rounds):
        found = {name: way.load(seconds) for name, way in ways.items()}
        rounds.append({name: one["per_second"] for name, one in found.items()})
        bench.say(
            ", ".join(
                f"{name} {one['per_second']:,.0f}/s (client busy {one['busy']:.0%})"
                for name, one in found.items()
            )
        )
    return median_by_name(rounds)


def _compared(rates: dict[str, float]) -> Iterator[Figure]:
    unit = "requests/s"
    ours = rates[OURS]
    yield Figure.speed(
        "POST /predict by key, against a bare loop", rates["bare"], ours, AT_LEAST["bare"], unit
    )
    name = "POST /predict by key, against mlflow models serve"
    if "mlflow" in rates:
        yield Figure.speed(name, rates["mlflow"], ours, AT_LEAST["mlflow"], unit)
    else:
        yield Figure.rate(f"{name}: not asked", ours, None, unit)
    yield Figure.speed("shadow on, against off", ours, rates[SHADOW], AT_LEAST["shadow"], unit)
    yield Figure.speed("with explanations, against without", ours, rates[EXPLAINED], None, unit)


def _at_half_load(
    bench: Workbench, ways: dict[str, Way], rates: dict[str, float], seconds: float
) -> Iterator[Figure]:
    """Latency at half of our rate, of both at the same rate."""
    rate = rates[OURS] / 2
    asked = {name: ways[name] for name in (OURS, "bare")}
    seen = [{name: way.load(seconds, rate) for name, way in asked.items()} for _ in range(bench.rounds)]
    for share in ("p50", "p99"):
        found = median_by_name({name: one[share] for name, one in took.items()} for took in seen)
        name = f"POST /predict by key at {rate:,.0f} a second, against a bare loop: {share}"
        yield Figure.milliseconds(name, found["bare"], found[OURS])


def _rolled_back(database: Database, way: Way) -> Iterator[Figure]:
    """A promoted version goes under load: until the last answer of it, and until the command ends."""
    _step(database, "promote", PAIRED, "2", "--force", "--why", "bench")
    client = way.begun(SECONDS_AT_MOST)
    time.sleep(SECONDS_AROUND)
    began = time.perf_counter()
    _step(database, "rollback", PAIRED, "--why", "bench")
    taken = time.perf_counter() - began
    time.sleep(SECONDS_AROUND)
    client.terminate()
    found = answered(client)
    ((committed,),) = database.execute(
        f"select extract(epoch from max(happened_at)) from ops.promotions where model = '{PAIRED}'"
    )
    left = max(found["last"]["2"] - float(committed), 0.0)
    if found["last"]["1"] < found["last"]["2"]:
        raise RuntimeError("the version before did not answer again")
    at_most = AT_MOST_TO_ROLL_BACK
    yield Figure.amount("rollback under load: until the old version's last answer", "s", left, at_most)
    yield Figure.amount("rollback under load: the whole command", "s", taken, at_most)


def _step(database: Database, *arguments: str) -> None:
    program = str(Path(sys.executable).with_name("headgate"))
    subprocess.run(
        [program, "model", *arguments],
        env=database.env,
        cwd=find_project_dir(),
        check=True,
        stdout=sys.stderr,
    )
