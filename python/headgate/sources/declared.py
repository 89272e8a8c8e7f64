"""Sources that are declared in the dbt project alone: a contract on the landing table, no code.

Data flow: models/staging/<source>/_<source>__sources.yml -> tables with `config.meta.contract` -> sources.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.sources.base import AppendingSource
from headgate.yaml_files import read_yaml

_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True)
class DeclaredSource(AppendingSource):
    """A source of the project's own, with what `config.meta.loader` says of where its records come from."""

    loader: Mapping[str, Any] = field(default_factory=dict, hash=False)


def declared_sources(project_dir: Path) -> dict[str, DeclaredSource]:
    """The sources whose landing table carries a contract, by name.

    Raises:
        UsageError: a file is not YAML, or a name cannot be one of a table.
    """
    files = sorted((project_dir / "models" / "staging").glob("*/_*__sources.yml"))
    return {source.name: source for file in files for source in _sources_in(file)}


def _sources_in(file: Path) -> list[DeclaredSource]:
    found = []
    for source in _mapping(read_yaml(file)).get("sources") or []:
        for table in _mapping(source).get("tables") or []:
            meta = _mapping(_mapping(_mapping(table).get("config")).get("meta"))
            if "contract" in meta:
                name, entity = _name(file, source.get("name")), _name(file, table.get("name"))
                loader = _mapping(meta.get("loader"))
                found.append(DeclaredSource(name, entity, (name, entity), loader=loader))
    return found


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(file: Path, value: object) -> str:
    if isinstance(value, str) and _NAME.fullmatch(value):
        return value
    raise UsageError(
        str(file),
        expected="names of sources and tables in lower case letters, digits and underscores",
        found=repr(value),
        next_step="correct the name",
    )
