"""What Python packages add to a project: sources and commands.

Data flow: `headgate_packages` in dbt_project.yml -> EXTENSION of each package -> sources, commands.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.settings import find_project_dir
from headgate.yaml_files import read_yaml

VARIABLE = "headgate_packages"


@dataclass(frozen=True, kw_only=True)
class Extension:
    """What a package adds. Objects are named as `module:attribute`, and imported when they are used."""

    #: Sources by name; each is a `headgate.sources.Source`, and may be hourly, pulled or sent by webhooks.
    sources: Mapping[str, str] = field(default_factory=dict)
    #: Commands by name: the click command, and one line of help.
    commands: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: Two examples of a command, for the end of its help.
    examples: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    #: Patterns of names of files and folders in the dbt and Mage projects that belong to the package.
    parts: tuple[str, ...] = ()


def extensions(project_dir: Path | None = None) -> list[Extension]:
    """The extensions that a project names, in its order.

    Raises:
        UsageError: dbt_project.yml cannot be read, or names something that is no extension.
    """
    folder = project_dir or find_project_dir()
    return [_extension(folder / "dbt_project.yml", name) for name in package_names(folder)]


def package_names(project_dir: Path) -> list[str]:
    """The names of the packages that a project names.

    Raises:
        UsageError: dbt_project.yml cannot be read.
    """
    return [str(name) for name in project_variables(project_dir).get(VARIABLE) or []]


def project_variables(project_dir: Path) -> Mapping[str, Any]:
    """The `vars` of dbt_project.yml; none where there is no such file.

    Raises:
        UsageError: it cannot be read.
    """
    file = project_dir / "dbt_project.yml"
    project = read_yaml(file) if file.is_file() else None
    variables = project.get("vars") if isinstance(project, dict) else None
    return variables if isinstance(variables, dict) else {}


def load_object(place: str) -> Any:
    """The object that `module:attribute` names."""
    module, attribute = place.split(":")
    return getattr(importlib.import_module(module), attribute)


def _extension(file: Path, name: str) -> Extension:
    try:
        found = getattr(importlib.import_module(name), "EXTENSION", None)
    except ImportError as error:
        raise _unusable(file, name, str(error)) from None
    if not isinstance(found, Extension):
        raise _unusable(file, name, "a package without it")
    return found


def _unusable(file: Path, name: str, found: str) -> UsageError:
    return UsageError(
        f"package {name} in {VARIABLE} of {file}",
        expected="an installed Python package with an EXTENSION, a headgate.extensions.Extension",
        found=found,
        next_step="install it, or take its name out of the list",
    )
