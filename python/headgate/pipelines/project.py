"""A Mage project as its files say it is: pipelines, blocks, triggers; read without Mage."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from headgate.pipelines import mage_facts


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: a stable code, where, what."""

    code: str
    path: Path
    message: str

    def __str__(self) -> str:
        """One line, as linters print it."""
        return f"{self.path}: {self.code} {self.message}"


@dataclass(frozen=True)
class Block:
    """One entry of a pipeline's block lists."""

    data: dict[str, Any]
    #: The folder of the Mage project.
    project: Path
    #: Which list it stands in: blocks, callbacks, conditionals or widgets.
    kind: str = "blocks"

    @property
    def uuid(self) -> str:
        """The name by which others refer to it."""
        return str(self.data.get("uuid", ""))

    @property
    def type(self) -> str:
        """Mage's block type."""
        return str(self.data.get("type", ""))

    @property
    def language(self) -> str:
        """The language of its file; Mage takes Python where none is given."""
        return str(self.data.get("language") or "python")

    @property
    def file(self) -> Path:
        """Where Mage reads its code from."""
        configuration = self.data.get("configuration") or {}
        explicit = (configuration.get("file_source") or {}).get("path") or configuration.get("file_path")
        if explicit:
            return self.project / str(explicit)
        name = self.data.get("replicated_block") or self.uuid
        extension = mage_facts.LANGUAGES.get(self.language, self.language)
        return self.project / mage_facts.folder_of(self.type) / f"{name}.{extension}"

    def names(self, direction: str) -> list[str]:
        """The blocks that it names as `upstream` or `downstream`."""
        return [str(name) for name in self.data.get(f"{direction}_blocks") or []]


@dataclass(frozen=True)
class Pipeline:
    """One folder below `pipelines/`."""

    folder: Path
    metadata: dict[str, Any] = field(default_factory=dict)
    triggers: list[dict[str, Any]] = field(default_factory=list)

    @property
    def project(self) -> Path:
        """The folder of the Mage project."""
        return self.folder.parents[1]

    @property
    def metadata_file(self) -> Path:
        """Its metadata.yaml."""
        return self.folder / "metadata.yaml"

    @property
    def triggers_file(self) -> Path:
        """Its triggers.yaml, which may be absent."""
        return self.folder / "triggers.yaml"

    @cached_property
    def all_blocks(self) -> list[Block]:
        """Every block, callbacks and conditionals too."""
        return [
            Block(entry, self.project, kind)
            for kind in mage_facts.BLOCK_LISTS
            for entry in self.metadata.get(kind) or []
            if isinstance(entry, dict)
        ]

    @property
    def blocks(self) -> dict[str, Block]:
        """The blocks of the graph itself, by name."""
        return {block.uuid: block for block in self.all_blocks if block.kind == "blocks"}


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises:
        ValueError: it holds something else, or is not YAML.
    """
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ValueError(f"not readable as YAML: {' '.join(str(error).split())}") from error
    if not isinstance(data, dict):
        raise ValueError(f"expected a mapping, found {type(data).__name__}")
    return data


def pipeline_folders(path: Path) -> list[Path]:
    """The pipeline folders of a Mage project, or the one that `path` itself is."""
    if path.parent.name == "pipelines":
        return [path]
    return sorted(folder for folder in path.glob("pipelines/*") if folder.is_dir())
