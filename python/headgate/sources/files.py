"""Where the files of a declared source are."""

from __future__ import annotations

import glob
from pathlib import Path

from headgate.errors import UsageError
from headgate.settings import Settings
from headgate.sources import get_source
from headgate.sources.declared import DeclaredSource
from headgate.sources.loaders import Files, loader_of


def locations(settings: Settings, name: str) -> tuple[str, ...]:
    """Paths and URLs of the files that a source declares, patterns resolved; none when it declares none.

    Raises:
        UsageError: a declared path or pattern leads to no file.
    """
    source = get_source(name, settings.project_dir)
    declared = loader_of(source, settings.project_dir) if isinstance(source, DeclaredSource) else None
    if not isinstance(declared, Files):
        return ()
    found: list[str] = []
    for place in declared.location:
        found += (
            [place] if place.startswith(("http://", "https://")) else _here(settings.project_dir, name, place)
        )
    return tuple(found)


def files_at(pattern: str) -> list[str]:
    """The files that an absolute path or pattern leads to."""
    # Not Path.glob, which takes no absolute pattern.
    found = glob.glob(pattern, recursive=True)  # noqa: PTH207
    return sorted(file for file in found if Path(file).is_file())


def _here(folder: Path, name: str, pattern: str) -> list[str]:
    files = files_at(str(folder / pattern))
    if not files:
        raise UsageError(
            f"files of source {name}",
            expected=f"at least one at {folder / pattern}",
            found="none",
            next_step="put one there, or correct `location` of the loader",
        )
    return files
