"""A load of a hundred orders, from landed to published in a small project, against `dbt ls` of it.

The project is what `headgate new project` writes, with two sources, a declared view of each and one of both.
`dbt ls` is what dbt's start costs, with the project parsed. Both are taken as CPU seconds of all processes,
the server's included, and by the clock.
"""

from __future__ import annotations

import json
import random
import resource
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.figures import Figure
from bench.servers import Database
from bench.workbench import Workbench
from headgate.scaffold.project import checkout, new_project

AT_MOST = 3
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAYS = 30
HISTORY = 3_000
PER_LOAD = 100
VIEWS = {
    "customer_orders": (
        *("--events", "stg_orders__records", "--key", "customer", "--windows", "1d,7d,30d"),
        *("--measure", "orders=count", "--measure", "total=sum,mean:total"),
    ),
    "sku_orders": (
        *("--events", "stg_orders__records", "--key", "sku", "--windows", "1d,7d"),
        *("--measure", "orders=count", "--measure", "customers=count_distinct:customer"),
    ),
    "customer_visits": (
        *("--events", "stg_visits__records", "--key", "customer", "--windows", "1d,7d"),
        *("--measure", "visits=count", "--measure", "seconds=sum:seconds"),
    ),
}
WAYS = {
    "by dbt build and headgate publish": (
        ("dbt", "build", "--exclude-resource-type", "unit_test"),
        ("headgate", "publish"),
    ),
    "by headgate run build_features, Mage's start included": (("headgate", "run", "build_features"),),
}


@dataclass(frozen=True)
class Cost:
    """What a command took."""

    wall: float
    #: Of the command, its children and the server.
    cpu: float


def run(bench: Workbench) -> Iterator[Figure]:
    """Each way against `dbt ls`, by CPU and by the clock."""
    shop = _Shop(bench)
    names = ("dbt ls", *WAYS)
    costs: dict[str, list[Cost]] = {name: [] for name in names}
    for _ in range(bench.rounds):
        costs["dbt ls"].append(shop.cost(("dbt", "ls", "--quiet")))
        for name, commands in WAYS.items():
            shop.land()
            costs[name].append(shop.cost(*commands))
        bench.say(", ".join(f"{name}: {taken[-1].cpu:.1f} s of CPU" for name, taken in costs.items()))
    for name in WAYS:
        for measure, what in (("cpu", "CPU of all processes"), ("wall", "by the clock")):
            ls, ours = (
                statistics.median(getattr(cost, measure) for cost in costs[which])
                for which in ("dbt ls", name)
            )
            yield Figure.cost(f"{PER_LOAD} orders, landed to published, {name}: {what}", ls, ours, AT_MOST)


class _Shop:
    """A small project on a database of its own, with a history built and published."""

    def __init__(self, bench: Workbench) -> None:
        self._database: Database = bench.database("small_load", bench.servers[0])
        self._folder = self._database.folder / "shop"
        self._rng = random.Random(7)
        self._loads = 0
        new_project(self._folder, checkout())
        shutil.copyfile(self._folder / "profiles.example.yml", self._folder / "profiles.yml")
        for source in ("orders", "visits"):
            history = self._records(source, HISTORY, BEGIN, timedelta(days=DAYS))
            self._call("headgate", "new", "source", source, "--sample", str(history))
            self._call("headgate", "up")
            self._call("headgate", "land", source, str(history))
        self._call("headgate", "run", "build_features")
        for name, declared in VIEWS.items():
            self._call("headgate", "new", "feature-view", name, *declared)
        self._call("headgate", "run", "build_features")
        # Parses for the targets of both ways.
        self._call("dbt", "build", "--exclude-resource-type", "unit_test")

    def land(self) -> None:
        """One small load, of the hour after the last one."""
        begin = BEGIN + timedelta(days=DAYS, hours=self._loads)
        file = self._records("orders", PER_LOAD, begin, timedelta(hours=1))
        self._call("headgate", "land", "orders", str(file))

    def cost(self, *commands: tuple[str, ...]) -> Cost:
        """What commands take, one after the other."""
        server, began = self._database.server_cpu(), time.perf_counter()
        before = _cpu_of_children()
        for command in commands:
            self._call(*command)
        wall, client = time.perf_counter() - began, _cpu_of_children() - before
        return Cost(wall, client + self._database.server_cpu() - server)

    def _records(self, source: str, count: int, begin: datetime, lasting: timedelta) -> Path:
        """A file of records with equally spread times."""
        self._loads += 1
        file = self._database.folder / f"{source}-{self._loads}.jsonl"
        with file.open("w") as lines:
            for number in range(count):
                at = begin + lasting * ((number + self._rng.random()) / count)
                record = {
                    "id": f"{self._loads}-{number}",
                    "created_at": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                    "customer": f"c-{int(100 * self._rng.random() ** 2)}",
                    **self._values(source),
                }
                lines.write(json.dumps(record) + "\n")
        return file

    def _values(self, source: str) -> dict[str, object]:
        if source == "visits":
            return {"seconds": self._rng.randrange(600)}
        return {"total": round(self._rng.random() * 100, 2), "sku": f"A{self._rng.randrange(20)}"}

    def _call(self, *command: str) -> None:
        program = Path(sys.executable).with_name(command[0])
        done = subprocess.run(
            [program, *command[1:]],
            env=self._database.env,
            cwd=self._folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{' '.join(command)} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}")


def _cpu_of_children() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
