"""What an hour costs late in a history, against the same early in it: gates included.

Two histories of different length are built, then the next hours of both, in turns. All hours are generated alike.
Targets hold for the sum of what the nodes took, and for the clock.
"""

from __future__ import annotations

from collections.abc import Iterator

from bench.figures import Figure, median_by_name
from bench.hours import generated
from bench.project import DbtRun, Project
from bench.workbench import Workbench
from headgate.landing import land_files

AT_MOST = 1.3


def run(bench: Workbench) -> Iterator[Figure]:
    """Figures of the whole build, of the feature views alone, and the nodes that grow most."""
    early, late, measured, events = (18, 198, 5, 1_500) if bench.full else (4, 23, 2, 300)
    hours = generated(bench.folder, hours=late + measured, events=events)
    bench.say(f"{late + measured} generated hours of {events:,} events")
    histories = {}
    for name, first in (("early", early), ("late", late)):
        project = Project(bench.database(f"features_{name}"))
        land_files(project.database.settings, "gharchive", hours[: first - 1])
        built = project.build()
        bench.say(f"built hours 1 to {first - 1} in {built.wall:.0f} s")
        histories[name] = (project, first)
    runs: dict[str, list[DbtRun]] = {"early": [], "late": []}
    for step in range(measured):
        for name, (project, first) in histories.items():
            number = first + step
            land_files(project.database.settings, "gharchive", [hours[number - 1]])
            built = project.build()
            bench.say(f"hour {number}: {built.wall:.1f} s by the clock, {built.total():.1f} s in nodes")
            runs[name].append(built)
    project = histories["late"][0]
    yield from _figures(runs, project.models("features"))
    if bench.verbose:
        yield from _nodes(runs)


def _figures(runs: dict[str, list[DbtRun]], views: frozenset[str]) -> Iterator[Figure]:
    sums = {
        "hour late in the history, dbt build by the clock": lambda built: built.wall,
        "  sum of its nodes": lambda built: built.total(),
        "  feature views only": lambda built: built.total(views),
    }
    for name, of in sums.items():
        early, late = (median_by_name({name: of(built)} for built in runs[when])[name] for when in runs)
        yield Figure.cost(name, early, late, at_most=None if name.startswith("  feature") else AT_MOST)


def _nodes(runs: dict[str, list[DbtRun]]) -> Iterator[Figure]:
    early, late = (median_by_name(built.nodes for built in runs[when]) for when in runs)
    growing = sorted(late, key=lambda node: late[node] - early.get(node, 0), reverse=True)
    for node in growing[:25]:
        yield Figure.cost(f"    {node.split('.')[2]}", early.get(node, 0.001), late[node])
