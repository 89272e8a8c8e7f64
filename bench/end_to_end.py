"""Files to typed rows: landing and all staging models, against stock COPY and one `->>` chain per column.

Ours screens, hashes addresses, checks the contract, quarantines, removes duplicates and indexes; the baseline
does none of it. Both type the envelope, every kind of event and the commits of pushes. dbt's own start counts
as ours; the seeds, which are loaded once in a project's life, do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench import tutorial
from bench.figures import Figure, interleave
from bench.hours import measured
from bench.landing import copy_plainly, land, takable_hour
from bench.project import Project
from bench.servers import Database
from bench.workbench import Workbench

AT_LEAST = 5


def run(bench: Workbench) -> Iterator[Figure]:
    """One figure per server."""
    hours = measured(bench)
    takable = [takable_hour(hour, bench.scratch) for hour in hours]
    for server in bench.servers:
        database = bench.database("end_to_end", server)
        project = Project(database)
        ways = {
            "baseline": partial(_like_a_tutorial, database, takable),
            "ours": partial(_ours, project, hours),
        }
        seconds = interleave(ways, (bench.rounds + 1) // 2, partial(_reset, project))
        target = AT_LEAST if server == bench.servers[0] else None
        name = f"files to typed rows, {len(hours)} hours, {bench.label(server)}"
        yield Figure.faster(name, seconds["baseline"], seconds["ours"], target)


def _ours(project: Project, hours: list[Path]) -> None:
    land(project.database, hours)
    project.dbt("run", "--select", "path:models/staging")


def _like_a_tutorial(database: Database, hours: list[Path]) -> None:
    copy_plainly(database, hours, "baseline")
    for name, select in tutorial.all_typed("baseline").items():
        database.execute(f"create table baseline_typed.{name} as {select}")


def _reset(project: Project) -> None:
    database = project.database
    database.forget_loads()
    project.dbt("seed")
    database.execute(
        "drop table if exists baseline",
        "create table baseline (record jsonb)",
        "drop schema if exists baseline_typed cascade",
        "create schema baseline_typed",
        "checkpoint",
    )
