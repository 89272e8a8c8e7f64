"""What an hour costs late in a history against the same early in it: with all gates.

Two histories of different length are built, then the next hours of both, in turns, the way the pipeline does:
staging, then features. All hours are generated alike.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator

from bench.figures import Figure, median_by_name
from bench.hours import generated
from bench.landing import land
from bench.project import DbtRun, Project
from bench.workbench import Workbench

AT_MOST = 1.3
#: An hour's two runs: the typed layer with its gates, the feature views with theirs.
Runs = tuple[DbtRun, DbtRun]


def run(bench: Workbench) -> Iterator[Figure]:
    """The whole build by three measures, its two halves, and with --verbose the nodes that grow most."""
    early, late, measured, events = (18, 198, 5, 1_500) if bench.full else (3, 12, 1, 200)
    hours = generated(bench.folder, hours=late + measured - 1, events=events)
    bench.say(f"{len(hours)} generated hours of {events:,} events")
    histories = {}
    for name, first in (("early", early), ("late", late)):
        project = Project(bench.database(f"features_{name}", bench.servers[0]))
        land(project.database, hours[: first - 1])
        built = project.build()
        bench.say(f"built hours 1 to {first - 1} in {built.wall:.0f} s")
        histories[name] = (project, first)
    runs: dict[str, list[Runs]] = {"early": [], "late": []}
    for step in range(measured):
        for name, (project, first) in histories.items():
            number = first + step
            land(project.database, [hours[number - 1]])
            runs[name].append(
                (project.build("--selector", "staging"), project.build("--selector", "features"))
            )
            staging, features = runs[name][-1]
            bench.say(f"hour {number}: staging {staging.wall:.1f} s, features {features.wall:.1f} s")
    middle = measured // 2
    names = f"hour {late + middle} of a history, against hour {early + middle}"
    yield from figures(names, runs["early"], runs["late"])
    if bench.verbose:
        yield from growing_nodes(runs["early"], runs["late"])


def figures(names: str, early: list[Runs], late: list[Runs]) -> Iterator[Figure]:
    """Medians of what the hours took."""
    measures: dict[str, tuple[Callable[[Runs], float], float | None]] = {
        f"{names}: both builds by the clock": (lambda runs: runs[0].wall + runs[1].wall, AT_MOST),
        "  sum of all nodes": (lambda runs: runs[0].total() + runs[1].total(), AT_MOST),
        "  CPU of the server": (lambda runs: runs[0].server_cpu + runs[1].server_cpu, AT_MOST),
        "  CPU of the server, typed layer with its gates": (lambda runs: runs[0].server_cpu, None),
        "  CPU of the server, feature views with their gates": (lambda runs: runs[1].server_cpu, None),
    }
    for name, (measure, at_most) in measures.items():
        before, after = (statistics.median(measure(runs) for runs in hours) for hours in (early, late))
        yield Figure.cost(name, before, after, at_most)


def growing_nodes(early: list[Runs], late: list[Runs]) -> Iterator[Figure]:
    """The nodes that take most longer."""
    before, after = (median_by_name((runs[0] + runs[1]).nodes for runs in hours) for hours in (early, late))
    for node in sorted(after, key=lambda node: after[node] - before.get(node, 0), reverse=True)[:20]:
        yield Figure.cost(f"    {node.split('.')[2]}", before.get(node, 0.001), after[node])
