"""What typing an hour costs against landing it: all staging models, built from nothing over what was landed.

Landing takes one connection, and so do the models: the sum of their execution times is then what they cost.
With more threads than cores it would count the time in which they wait for each other. How long it takes by
the clock, with the threads of the profile, is told beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.figures import Figure, median_by_name
from bench.hours import generated, measured
from bench.landing import land
from bench.project import Project
from bench.servers import Database
from bench.workbench import Workbench, seconds_of

AT_MOST = 2.5


def run(bench: Workbench) -> Iterator[Figure]:
    """Figures for the hours of the archive, and for one as large as they are today."""
    events = 150_000 if bench.full else 3_000
    batches = {
        "hours of 2016": measured(bench),
        f"one hour of {events:,} events": generated(bench.folder, hours=1, events=events),
    }
    for server in bench.servers:
        for name, hours in batches.items():
            samples = []
            for _ in range((bench.rounds + 1) // 2):
                samples.append(_sample(bench.database("staging", server), hours))
                bench.say(", ".join(f"{what} {seconds:.1f} s" for what, seconds in samples[-1].items()))
            median = median_by_name(samples)
            target = AT_MOST if server == bench.servers[0] else None
            title = f"typing against landing, {len(hours)} {name}, {bench.label(server)}"
            yield Figure.cost(title, median["landing"], median["models"], target)
            yield Figure.cost(
                "  dbt run by the clock, threads of the profile", median["landing"], median["clock"]
            )


def _sample(database: Database, hours: list[Path]) -> dict[str, float]:
    project = Project(database)
    # Seeds are no typing; parsing the project is none either.
    project.dbt("seed")
    database.execute("checkpoint")
    landing = seconds_of(partial(land, database, hours, 1))
    database.execute("checkpoint")
    built = project.dbt("run", "--select", "models/staging", "--threads", "1")
    again = project.dbt("run", "--select", "models/staging", "--full-refresh")
    return {"landing": landing, "models": built.total(), "clock": again.wall}
