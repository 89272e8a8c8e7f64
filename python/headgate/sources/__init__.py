"""Where raw JSON comes from: sources that the dbt project declares, and those that its packages bring."""

from __future__ import annotations

from pathlib import Path

from headgate.errors import UsageError
from headgate.extensions import extensions, load_object
from headgate.settings import find_project_dir
from headgate.sources.base import AppendingSource, Delivery, Partition, Source
from headgate.sources.declared import DeclaredSource, declared_sources, sharing_sources
from headgate.sources.hours import HourlySource

__all__ = [
    "AppendingSource",
    "DeclaredSource",
    "Delivery",
    "HourlySource",
    "Partition",
    "Source",
    "all_sources",
    "get_source",
    "package_sources",
]


def all_sources(project_dir: Path | None = None) -> dict[str, Source]:
    """Every source by its name: those that the dbt project declares, and those of its packages.

    Raises:
        UsageError: a declaration cannot be read.
    """
    folder = project_dir or find_project_dir()
    brought = {name: load_object(place) for name, place in package_sources(folder).items()}
    return {**declared_sources(folder), **sharing_sources(folder), **brought}


def get_source(name: str, project_dir: Path | None = None) -> Source:
    """The source called `name`.

    Raises:
        UsageError: there is none.
    """
    folder = project_dir or find_project_dir()
    if place := package_sources(folder).get(name):
        found: Source = load_object(place)
        return found
    sources = all_sources(folder)
    if name in sources:
        return sources[name]
    raise UsageError(
        f"source {name}",
        expected=f"one of {', '.join(sorted(sources))}" if sources else "a source; there is none yet",
        found="another name",
        next_step="name one of these, or make it with `headgate new source`",
    )


def package_sources(folder: Path) -> dict[str, str]:
    """Where the sources of the project's packages are, `module:attribute` by name.

    Raises:
        UsageError: a package cannot be used.
    """
    return {name: place for extension in extensions(folder) for name, place in extension.sources.items()}
