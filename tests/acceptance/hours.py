"""Archive files for acceptance tests: real ones where they are, generated ones always."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from headgate_github.synth import HourTruth, generate_hour
from tests.support import ROOT

DATA = ROOT.parent / "shared" / "data"
REAL = [DATA / "gharchive" / f"2016-01-01-{hour}.json.gz" for hour in range(1, 13)]
SAMPLES = sorted((DATA / "gharchive_samples").glob("*.json.gz"))
#: Traps whose every line is typed: what they test is counted right, whatever reads them.
GOOD_TRAPS = (
    "nul_escape",
    "line_separator",
    "duplicate_in_hour",
    "duplicate_across_hours",
    "clock_skew",
    "unknown_type",
)

needs_real_hours = pytest.mark.skipif(
    not all(file.is_file() for file in REAL), reason="needs the twelve hours of ../shared/data/gharchive"
)
needs_samples = pytest.mark.skipif(not SAMPLES, reason="needs ../shared/data/gharchive_samples")


def known_bots() -> set[str]:
    """The logins that count as bots, as the seed lists them."""
    with (ROOT / "seeds" / "github" / "known_bots.csv").open() as file:
        return {row["actor_login"] for row in csv.DictReader(file)}


def generated(
    folder: Path,
    hours: Iterable[datetime],
    *,
    events_per_hour: int = 300,
    seed: int = 11,
    traps: Iterable[str] = (),
) -> dict[Path, HourTruth]:
    """Files of the given hours, in the generation of their time, with what is true of each."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = tuple(traps)
    written = {}
    for hour in hours:
        made = generate_hour(hour, seed=seed, events_per_hour=events_per_hour, traps=chosen)
        (folder / made.name).write_bytes(made.content)
        written[folder / made.name] = made.truth
    return written


def hours_from(first: str, count: int) -> list[datetime]:
    """Consecutive hours, UTC, the first written like 2016-01-01T01."""
    start = datetime.strptime(first, "%Y-%m-%dT%H").replace(tzinfo=UTC)
    return [start + timedelta(hours=number) for number in range(count)]
