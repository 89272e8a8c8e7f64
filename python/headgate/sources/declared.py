"""Sources that are declared in the dbt project alone: a contract on the landing table, no code.

Data flow: models/staging/<source>/_<source>__sources.yml -> tables with `config.meta.contract`, or held to
another's by `contract_of` in dbt_project.yml -> sources.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.extensions import project_variables
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
    found = {}
    for file, source, table, meta in declared_tables(project_dir):
        if "contract" in meta:
            name, entity = _name(file, source), _name(file, table)
            found[name] = DeclaredSource(name, entity, (name, entity), loader=_mapping(meta.get("loader")))
    return found


def sharing_sources(project_dir: Path) -> dict[str, DeclaredSource]:
    """The sources whose records are held to another source's contract, by name.

    Raises:
        UsageError: a file is not YAML, or `contract_of` names what is no table.
    """
    shared = _mapping(project_variables(project_dir).get("contract_of"))
    if not shared:
        return {}
    metas = {f"{source}.{table}": meta for _, source, table, meta in declared_tables(project_dir)}
    found = {}
    for landed, contract in shared.items():
        (name, entity), held_to = _split(project_dir, landed), _split(project_dir, contract)
        loader = _mapping(metas.get(landed, {}).get("loader"))
        found[name] = DeclaredSource(name, entity, held_to, loader=loader)
    return found


def _split(project_dir: Path, name: object) -> tuple[str, str]:
    file = project_dir / "dbt_project.yml"
    source, _, table = str(name).partition(".")
    return _name(file, source), _name(file, table)


def declared_tables(project_dir: Path) -> Iterator[tuple[Path, object, object, Mapping[str, Any]]]:
    """File, source, table and `config.meta` of every landing table that the project declares."""
    for file in sorted((project_dir / "models" / "staging").glob("*/_*__sources.yml")):
        for source in _mapping(read_yaml(file)).get("sources") or []:
            for table in _mapping(source).get("tables") or []:
                meta = _mapping(_mapping(_mapping(table).get("config")).get("meta"))
                yield file, source.get("name"), _mapping(table).get("name"), meta


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
