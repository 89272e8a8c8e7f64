"""What the blocks of a pipeline that lands the files of a declared source call.

Data flow: `loader: {location: ...}` beside the contract -> files -> land -> one summary per load.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.pipelines import loads
from headgate.pipelines.sensors import wait_for_file
from headgate.settings import Settings, load_settings
from headgate.sources import get_source
from headgate.sources.base import delivery_at
from headgate.sources.declared import DeclaredSource
from headgate.sources.files import files_at
from headgate.sources.loaders import Files, loader_of


def wait_for_files(source: str, variables: Mapping[str, Any]) -> bool:
    """Returns True when a file of the source is there and nobody writes to it.

    Raises:
        HeadgateError: `wait_minutes` are over and there is none.
    """
    settings = load_settings()
    pattern = _patterns(settings, source)[0]
    # Whether a URL leads to a file is seen when it is landed.
    return _is_url(pattern) or wait_for_file(pattern, minutes=variables["wait_minutes"])


def land(source: str) -> dict[str, Any]:
    """Lands the source's files, each once by its content; one summary for each, failed ones too."""
    settings = load_settings()
    places = [*map(str, files_of(settings, source)), *filter(_is_url, _patterns(settings, source))]
    deliveries = [delivery_at(get_source(source), place) for place in places]
    return loads.land(settings, source, deliveries)


def files_of(settings: Settings, source: str) -> list[Path]:
    """The files that the source's locations name, oldest first."""
    found = {
        Path(file)
        for pattern in _patterns(settings, source)
        if not _is_url(pattern)
        for file in files_at(pattern)
    }
    return sorted(found, key=lambda file: (file.stat().st_mtime_ns, file.name))


def _is_url(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def _patterns(settings: Settings, source: str) -> list[str]:
    """Where the source's files are, as absolute paths and URLs.

    Raises:
        UsageError: its declaration names no location.
    """
    declared = get_source(source)
    loader = loader_of(declared, settings.project_dir) if isinstance(declared, DeclaredSource) else None
    if not isinstance(loader, Files) or not loader.location:
        raise UsageError(
            f"source {source}",
            expected="a loader of type files with a location",
            found="none",
            next_step=f"add it in models/staging/{source}/_{source}__sources.yml; see docs/sources.md",
        )
    return [place if _is_url(place) else str(settings.project_dir / place) for place in loader.location]
