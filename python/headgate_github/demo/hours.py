"""Where the demonstration's twelve hours come from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx

from headgate.settings import Settings
from headgate.sources.hours import hours_between
from headgate_github.archive import archive_url, file_name
from headgate_github.synth import write_hours
from headgate_github.synth.traps import TRAPS

FIRST = datetime(2016, 1, 1, 1, tzinfo=UTC)
LAST = FIRST + timedelta(hours=11)
EVENTS_PER_HOUR = 4000
SECONDS_TO_WAIT_FOR_THE_ARCHIVE = 5


@dataclass(frozen=True)
class Hours:
    """Settings under which the hours are found, and a sentence on where that is."""

    settings: Settings
    origin: str


def find_hours(settings: Settings) -> Hours:
    """The twelve hours: from a folder, else from the archive, else generated."""
    for folder in (settings.data_dir, settings.project_dir.parent / "shared" / "data" / "gharchive"):
        if folder is not None and _holds_all(folder):
            return Hours(replace(settings, data_dir=folder), "real hours of the archive, from a folder")
    if _archive_answers(settings):
        return Hours(replace(settings, data_dir=None), f"real hours, from {archive_url(settings)}")
    folder = settings.home / "demo"
    if not _holds_all(folder):
        write_hours(
            folder, FIRST, LAST, seed=7, events_per_hour=EVENTS_PER_HOUR, generation="events", traps=TRAPS
        )
    return Hours(
        replace(settings, data_dir=folder),
        "generated hours with every trap of real ones (no folder holds real ones, no archive in reach)",
    )


def next_hour(settings: Settings) -> str:
    """The commands that bring one hour more: landed where it can be had, else generated."""
    hour = LAST + timedelta(hours=1)
    has_file = settings.data_dir is not None and (settings.data_dir / file_name(hour)).is_file()
    if has_file or _archive_answers(settings):
        return f"headgate land gharchive --from {hour:%Y-%m-%dT%H}"
    folder = settings.home / "demo"
    return (
        f"headgate synth --from {hour:%Y-%m-%dT%H} --events-per-hour {EVENTS_PER_HOUR} --out {folder}\n"
        f"headgate land gharchive {folder / file_name(hour)}"
    )


def _holds_all(folder: Path) -> bool:
    return all((folder / file_name(hour)).is_file() for hour in hours_between(FIRST, LAST))


def _archive_answers(settings: Settings) -> bool:
    try:
        url = f"{archive_url(settings)}/{file_name(FIRST)}"
        return httpx.head(url, timeout=SECONDS_TO_WAIT_FOR_THE_ARCHIVE).is_success
    except httpx.HTTPError:
        return False
