"""The pull-request staging model against one `->>` chain per column, both as CREATE TABLE AS.

Ours is what dbt compiles for the landed hours: it joins the typed envelope and is safe on values of a wrong
type. The baseline reads the raw record only, of the same landing table: a tutorial has no other column.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from bench import tutorial
from bench.figures import Figure, interleave
from bench.hours import measured
from bench.landing import land
from bench.project import Project
from bench.servers import Database
from bench.workbench import Workbench

MODEL = "stg_gharchive__pull_requests"
LANDED = "staging_gharchive.events"
AT_LEAST = 8
RESET = "drop table if exists measured"


def run(bench: Workbench) -> Iterator[Figure]:
    """Figures against the raw record, and against a baseline that may filter by the envelope's column."""
    hours = measured(bench)
    for server in bench.servers:
        database = bench.database("typing", server)
        land(database, hours)
        project = Project(database)
        project.dbt(
            "build", "--select", "+stg_gharchive__events", "--exclude-resource-type", "test", "unit_test"
        )
        project.dbt("compile", "--select", MODEL)
        compiled = project.target / "compiled/headgate/models/staging/gharchive" / f"{MODEL}.sql"
        ways = {
            "ours": compiled.read_text(),
            "record only": tutorial.typed("pull_requests", LANDED),
            "record_type": tutorial.typed("pull_requests", LANDED, "record_type"),
        }
        database.execute("vacuum analyze")
        runs = {name: partial(_create, database, sql) for name, sql in ways.items()}
        seconds = interleave(runs, bench.rounds, partial(database.execute, RESET, "checkpoint"))
        _check_equal(database, ways)
        target = AT_LEAST if server == bench.servers[0] else None
        count = len(tutorial.columns("pull_requests"))
        name = f"typing pull requests, {count} columns, {bench.label(server)}"
        yield Figure.faster(name, seconds["record only"], seconds["ours"], target)
        yield Figure.faster("  baseline filters on record_type", seconds["record_type"], seconds["ours"])


def _create(database: Database, sql: str) -> None:
    # As the model's pre-hook has it.
    settings = "set enable_nestloop = off; " if "headgate builds" in sql else ""
    database.execute(f"{settings}create table measured as {sql}")


def _check_equal(database: Database, ways: dict[str, str]) -> None:
    chosen = ", ".join(tutorial.columns("pull_requests"))
    for first, second in (("ours", "record only"), ("record only", "ours")):
        ((missing,),) = database.execute(
            f"select count(*) from (select {chosen} from ({ways[first]}) a"
            f" except select {chosen} from ({ways[second]}) b) differing"
        )
        if missing:
            raise RuntimeError(f"{missing} pull requests of {first!r} are not in {second!r}")
