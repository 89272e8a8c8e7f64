"""A dbt project as its files say it is: profile, targets, selectors, and what a selection can mean."""

from __future__ import annotations

import fnmatch
import os
import re
from functools import cached_property
from pathlib import Path
from typing import Any

from headgate.pipelines.validation.yaml_lines import Document, Items, Lines, YamlError

PROJECT_FILES = ("dbt_project.yml", "dbt_project.yaml")
#: A project may keep profiles.yml out of Git and an example of it inside.
PROFILES = ("profiles.yml", "profiles.example.yml", "profiles.yml.example")
_COMMANDS = """
build clean clone compile debug deps docs freshness init list ls parse retry run run-operation seed show
snapshot source test
"""
COMMANDS = frozenset(_COMMANDS.split())
#: Commands that test what they build.
TESTING = frozenset({"build", "test"})
_PATHS = {
    "model-paths": ["models"],
    "seed-paths": ["seeds"],
    "snapshot-paths": ["snapshots"],
    "test-paths": ["tests"],
    "analysis-paths": ["analyses"],
}
_TAGS = re.compile(r"""\+?tags['"]?\s*[:=]\s*(\[[^\]]*\]|(?:\n\s*-\s*[^\n]+)+|[^\n,)]+)""")
_WORD = re.compile(r"[\w./-]+")
_GRAPH = re.compile(r"^@|^\d*\+|\+\d*$")


def find(start: Path) -> Path | None:
    """The dbt project in a folder or above it, as Mage looks for it."""
    start = Path(os.path.normpath(start.absolute()))
    for folder in (start if start.is_dir() else start.parent, *start.parents):
        if any((folder / name).is_file() for name in PROJECT_FILES):
            return folder
    return None


class DbtProject:
    """A folder with a dbt_project.yml."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @cached_property
    def file(self) -> Path:
        """Its dbt_project.yml."""
        return next(
            (self.folder / name for name in PROJECT_FILES if (self.folder / name).is_file()),
            self.folder / PROJECT_FILES[0],
        )

    @cached_property
    def data(self) -> Lines:
        """What dbt_project.yml holds."""
        return _read(self.file)

    @property
    def profile(self) -> str | None:
        """The profile that it names."""
        named = self.data.get("profile")
        return named if isinstance(named, str) else None

    @cached_property
    def profiles_file(self) -> Path | None:
        """Its profiles.yml, or the example of it."""
        return next((self.folder / name for name in PROFILES if (self.folder / name).is_file()), None)

    @cached_property
    def profiles(self) -> Lines:
        """Every profile by name."""
        return _read(self.profiles_file) if self.profiles_file else Lines()

    @property
    def targets(self) -> list[str]:
        """The targets of its profile."""
        profile = self.profiles.get(self.profile or "")
        outputs = profile.get("outputs") if isinstance(profile, Lines) else None
        return list(outputs) if isinstance(outputs, Lines) else []

    @cached_property
    def selectors(self) -> dict[str, Lines] | None:
        """Its selectors by name; None without a file of them."""
        path = self.folder / "selectors.yml"
        if not path.is_file():
            return None
        listed = _read(path).get("selectors")
        entries = listed if isinstance(listed, Items) else Items()
        return {str(entry.get("name")): entry for entry in entries if isinstance(entry, Lines)}

    @cached_property
    def files(self) -> list[Path]:
        """The files of its nodes, from its folder."""
        found = []
        for key, default in _PATHS.items():
            listed = self.data.get(key)
            for name in listed if isinstance(listed, Items) else default:
                for parent, _, names in os.walk(self.folder / str(name)):
                    found += [Path(os.path.relpath(f"{parent}/{file}", self.folder)) for file in names]
        return found

    @cached_property
    def nodes(self) -> set[str]:
        """Names by which nodes and folders of nodes can be selected."""
        names = {str(self.data.get("name", ""))}
        for path in self.files:
            if path.suffix in {".sql", ".py", ".csv", ".yml", ".yaml"}:
                names |= {path.stem, path.name, *path.parts[:-1]}
                parts = (*path.parts[1:-1], path.stem)
                names |= {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
        # Tests, unit tests, snapshots and sources are named inside of YAML files.
        names |= set(re.findall(r"^\s*-?\s*name:\s*['\"]?([\w.-]+)", self._yaml_text, re.MULTILINE))
        return names

    @cached_property
    def tags(self) -> set[str]:
        """Every tag in its files."""
        return {
            word for found in _TAGS.findall(self._yaml_text + self._sql_text) for word in _WORD.findall(found)
        }

    @cached_property
    def _yaml_text(self) -> str:
        return self._joined({".yml", ".yaml"}) + _text(self.file)

    @cached_property
    def _sql_text(self) -> str:
        return self._joined({".sql", ".py"})

    def _joined(self, suffixes: set[str]) -> str:
        return "\n".join(_text(self.folder / path) for path in self.files if path.suffix in suffixes)

    def knows(self, criterion: str) -> bool:
        """Whether one criterion of a selection can mean a node; True for methods that only dbt can decide."""
        criterion = _GRAPH.sub("", _GRAPH.sub("", criterion))
        method, colon, value = criterion.rpartition(":")
        if not colon:
            is_path = "/" in value or value.endswith((".sql", ".yml", ".csv"))
            return self._has_path(value) if is_path else self._has_name(value)
        match method:
            case "path":
                return self._has_path(value)
            case "tag":
                return any(fnmatch.fnmatch(tag, value) for tag in self.tags)
            case "fqn" | "file" | "test_name" | "source" | "exposure" | "unit_test":
                return method in {"test_name"} or self._has_name(value)
            case "selector":
                return self.selectors is None or value in self.selectors
        return True

    def _has_name(self, name: str) -> bool:
        if name in self.nodes or name == "*":
            return True
        if any(sign in name for sign in "*?["):
            return any(fnmatch.fnmatch(node, name) for node in self.nodes)
        first, *rest = name.split(".")
        # `package.folder.model` and `source.table`.
        return bool(rest) and (name in self.nodes or (first in self.nodes and rest[-1] in self.nodes))

    def _has_path(self, pattern: str) -> bool:
        return any(self.folder.glob(pattern.rstrip("/") or "."))


def unknown_criteria(definition: Any, project: DbtProject) -> list[str]:
    """The criteria of a selector's definition that can mean no node."""
    if isinstance(definition, str):
        return [] if project.knows(definition) else [definition]
    if isinstance(definition, Items):
        return [name for part in definition for name in unknown_criteria(part, project)]
    if not isinstance(definition, Lines):
        return []
    if "method" in definition:
        criterion = f"{definition['method']}:{definition.get('value')}"
        return [] if project.knows(criterion) else [criterion]
    if keys := {"union", "intersection"} & definition.keys():
        return [name for key in keys for name in unknown_criteria(definition[key], project)]
    if "exclude" in definition:
        return []
    return [
        f"{method}:{value}" for method, value in definition.items() if not project.knows(f"{method}:{value}")
    ]


def _read(path: Path) -> Lines:
    try:
        value = Document(path, _text(path), templated=True).value
    except YamlError:
        return Lines()
    return value if isinstance(value, Lines) else Lines()


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
