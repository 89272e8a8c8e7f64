"""Where raw JSON comes from: one module per source, and those that are declared in the dbt project alone."""

from __future__ import annotations

from pathlib import Path

from headgate.errors import UsageError
from headgate.settings import find_project_dir
from headgate.sources.base import AppendingSource, Delivery, Partition, Source
from headgate.sources.declared import DeclaredSource, declared_sources
from headgate.sources.gharchive import GHARCHIVE

#: GitHub's events in any way that they come are held to one contract and typed by the same models.
GITHUB_EVENTS = AppendingSource("github_events", "events", GHARCHIVE.contract)
GITHUB_WEBHOOKS = AppendingSource("github_webhooks", "deliveries", GHARCHIVE.contract)
BUILT_IN: dict[str, Source] = {source.name: source for source in (GHARCHIVE, GITHUB_EVENTS, GITHUB_WEBHOOKS)}

__all__ = [
    "BUILT_IN",
    "GITHUB_EVENTS",
    "GITHUB_WEBHOOKS",
    "AppendingSource",
    "DeclaredSource",
    "Delivery",
    "Partition",
    "Source",
    "all_sources",
    "get_source",
]


def all_sources(project_dir: Path | None = None) -> dict[str, Source]:
    """Every source by its name: the built-in ones and those that the dbt project declares.

    Raises:
        UsageError: a declaration cannot be read.
    """
    return {**declared_sources(project_dir or find_project_dir()), **BUILT_IN}


def get_source(name: str, project_dir: Path | None = None) -> Source:
    """The source called `name`.

    Raises:
        UsageError: there is none.
    """
    if name in BUILT_IN:
        return BUILT_IN[name]
    sources = all_sources(project_dir)
    if name in sources:
        return sources[name]
    raise UsageError(
        f"source {name}",
        expected=f"one of {', '.join(sorted(sources))}",
        found="another name",
        next_step="name one of these, or make it with `headgate new source`",
    )
