"""The hours that are measured: real ones where they are, else generated ones."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.workbench import Workbench
from headgate.settings import find_project_dir
from headgate_github.synth import file_name, write_hours
from headgate_github.synth.world import Generation

FIRST = datetime(2024, 3, 1, tzinfo=UTC)


def measured(bench: Workbench) -> list[Path]:
    """The hours that most benchmarks are about; says which: the twelve real ones if they are there."""
    hours = real(12) if bench.full else []
    if hours:
        bench.say(f"{len(hours)} real hours from {hours[0].parent}")
        return hours
    count, events = (12, 12_000) if bench.full else (2, 600)
    bench.say(f"{count} generated hours of {events:,} events")
    return generated(bench.folder, hours=count, events=events)


def real(count: int) -> list[Path]:
    """The first hours of the folder HEADGATE_DATA, or else ../shared/data/gharchive, if there are any."""
    folder = Path(
        os.environ.get("HEADGATE_DATA") or find_project_dir().parent / "shared" / "data" / "gharchive"
    )
    hours = {
        path: path.name.removesuffix(".json.gz").rsplit("-", 1) for path in folder.glob("*-*-*-*.json.gz")
    }
    return sorted(hours, key=lambda path: (hours[path][0], int(hours[path][1])))[:count]


def generated(folder: Path, *, hours: int, events: int, generation: Generation = "events") -> list[Path]:
    """Generated hours in order; kept for the next run, because they are always the same."""
    place = folder / "hours" / f"{generation}-{events}"
    files = [place / file_name(FIRST + timedelta(hours=number)) for number in range(hours)]
    for number, file in enumerate(files):
        if not file.exists():
            hour = FIRST + timedelta(hours=number)
            unfinished = place / "unfinished"
            write_hours(unfinished, hour, hour, events_per_hour=events, generation=generation)
            (unfinished / file.name).rename(file)
    return files
