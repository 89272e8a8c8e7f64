"""A pipeline and its blocks as the files of a Mage project say they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.project import Project
from headgate.pipelines.validation.python_file import PythonFile
from headgate.pipelines.validation.yaml_lines import Items, Lines, line_of

#: Lists of a pipeline's metadata.yaml that hold blocks.
BLOCK_LISTS = ("blocks", "callbacks", "conditionals", "widgets")


class _Entry:
    """What findings about metadata.yaml are told of: a pipeline, or one of its blocks."""

    uuid = ""

    @property
    def metadata_file(self) -> Path:
        """The metadata.yaml that it stands in."""
        raise NotImplementedError

    def line(self, *keys: Any) -> int:
        """The line of one of its keys, or of itself."""
        raise NotImplementedError

    def finding(
        self,
        code: str,
        keys: tuple[Any, ...],
        message: str,
        expected: str,
        mend: str,
        *,
        harmless: bool = False,
    ) -> Finding:
        """A finding about what metadata.yaml says of it."""
        line = self.line(*keys)
        return Finding(code, self.metadata_file, line, message, expected, mend, self.uuid, harmless)


@dataclass(frozen=True, eq=False)
class Block(_Entry):
    """One entry of a pipeline's block lists."""

    data: Lines
    pipeline: Pipeline
    #: Which list it stands in: blocks, callbacks, conditionals, widgets, or extensions.
    kind: str
    #: Its configuration; empty where there is none.
    configuration: Lines

    @cached_property
    def uuid(self) -> str:  # type: ignore[override]
        """The name by which others refer to it."""
        return _text(self.data.get("uuid"))

    @cached_property
    def type(self) -> str:
        """Mage's block type."""
        return _text(self.data.get("type"))

    @cached_property
    def language(self) -> str:
        """The language of its file: SQL for dbt, Python for others, where none is given."""
        return _text(self.data.get("language")) or ("sql" if self.type == "dbt" else "python")

    @cached_property
    def file(self) -> Path:
        """Where Mage reads its code from."""
        replicated = self.pipeline.by_uuid.get(_text(self.data.get("replicated_block")))
        if replicated is not None and replicated is not self and "replicated_block" not in replicated.data:
            return replicated.file
        folder = "custom" if self.type == "custom" else f"{self.type}s"
        extension = self.pipeline.project.lists.languages.get(self.language, self.language)
        usual = self.pipeline.project.folder / folder / f"{self.uuid}.{extension}"
        explicit = self.configuration.get("file_path")
        if explicit and isinstance(explicit, str):
            return self.pipeline.project_path(explicit)
        # Mage reads `file_source` in a platform of several projects only, but writes it everywhere.
        source = self.configuration.get("file_source")
        path = source.get("path") if isinstance(source, Lines) else None
        if path and isinstance(path, str) and not self.pipeline.project.is_file(usual):
            elsewhere = self.pipeline.project_path(path)
            return elsewhere if self.pipeline.project.is_file(elsewhere) else usual
        return usual

    @cached_property
    def needs_file(self) -> bool:
        """Whether Mage reads a file for it."""
        lists = self.pipeline.project.lists
        return (
            self.type in lists.working_block_types
            and self.type not in {"global_data_product", "group", "pipeline"}
            and not self.data.get("content")
            and self.language in lists.languages
            and bool(self.uuid)
        )

    @property
    def python(self) -> PythonFile | None:
        """Its code, where it is a Python block whose file exists."""
        if self.language != "python" or not self.needs_file or not self.pipeline.project.is_file(self.file):
            return None
        return self.pipeline.project.python(self.file)

    def names(self, direction: str) -> list[str]:
        """The blocks that it names as `upstream` or `downstream`."""
        listed = self.data.get(f"{direction}_blocks")
        return [name for name in listed if isinstance(name, str)] if isinstance(listed, Items) else []

    @property
    def metadata_file(self) -> Path:
        """The pipeline's metadata.yaml."""
        return self.pipeline.metadata_file

    def line(self, *keys: Any) -> int:
        """The line of a key of this block, or of the block itself."""
        return line_of(self.data, *keys)

    def file_finding(self, code: str, line: int, message: str, expected: str, mend: str) -> Finding:
        """A finding about this block's file."""
        return Finding(code, self.file, line, message, expected, mend, self.uuid)


@dataclass(frozen=True, eq=False)
class Pipeline(_Entry):
    """One folder below `pipelines/`."""

    project: Project
    folder: Path
    metadata: Lines
    #: What triggers.yaml holds; None without such a file.
    trigger_data: Lines | None = None
    blocks: list[Block] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Collects the blocks of every list."""
        for kind in BLOCK_LISTS:
            self.blocks.extend(self._blocks(kind, self.metadata.get(kind)))
        extensions = self.metadata.get("extensions")
        for extension in extensions.values() if isinstance(extensions, Lines) else ():
            if isinstance(extension, Lines):
                self.blocks.extend(self._blocks("extensions", extension.get("blocks")))

    def _blocks(self, kind: str, listed: Any) -> Iterator[Block]:
        for entry in listed if isinstance(listed, Items) else ():
            if isinstance(entry, Lines):
                given = entry.get("configuration")
                yield Block(entry, self, kind, given if isinstance(given, Lines) else Lines(entry.line))

    @property
    def metadata_file(self) -> Path:
        """Its metadata.yaml."""
        return self.folder / "metadata.yaml"

    def line(self, *keys: Any) -> int:
        """The line of a key of metadata.yaml."""
        return line_of(self.metadata, *keys)

    @property
    def triggers_file(self) -> Path:
        """Its triggers.yaml, which may be absent."""
        return self.folder / "triggers.yaml"

    @cached_property
    def type(self) -> str:
        """Mage takes a batch pipeline where none is given."""
        return _text(self.metadata.get("type")) or "python"

    @cached_property
    def by_uuid(self) -> dict[str, Block]:
        """Every block by its name."""
        return {block.uuid: block for block in self.blocks if block.uuid}

    @cached_property
    def graph(self) -> dict[str, Block]:
        """The blocks that run one after the other, by name."""
        return {block.uuid: block for block in self.blocks if block.kind == "blocks"}

    @cached_property
    def triggers(self) -> list[Lines]:
        """Its triggers."""
        listed = self.trigger_data.get("triggers") if self.trigger_data else None
        return [entry for entry in listed if isinstance(entry, Lines)] if isinstance(listed, Items) else []

    def upstream(self, block: Block) -> list[Block]:
        """The blocks that a block of the graph takes its input from."""
        return [self.graph[name] for name in dict.fromkeys(block.names("upstream")) if name in self.graph]

    @cached_property
    def downstream(self) -> dict[str, list[Block]]:
        """What follows each block, as `upstream_blocks` say: Mage runs in their order."""
        found: dict[str, list[Block]] = {uuid: [] for uuid in self.graph}
        for block in self.graph.values():
            for other in self.upstream(block):
                found[other.uuid].append(block)
        return found

    def project_path(self, given: str) -> Path:
        """Where Mage looks for a path that a configuration gives."""
        folder = self.project.folder
        path = Path(given)
        if path.is_absolute():
            return path
        if path.parts and path.parts[0] == folder.name:
            return folder.joinpath(*path.parts[1:])
        first = path.parts[0] if path.parts else "."
        if not (folder / first).exists() and (folder / "dbt" / first).exists():
            return folder / "dbt" / path
        return folder / path


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "" if value is None else str(value)


def pipeline_folders(folder: Path) -> list[Path]:
    """The pipeline folders of a Mage project."""
    return sorted(
        entry
        for entry in folder.glob("pipelines/*")
        if entry.is_dir() and not entry.name.startswith((".", "__"))
    )


def load(project: Project, folder: Path) -> Pipeline | None:
    """A pipeline; None, and a finding in the project, where its metadata cannot be read."""
    metadata = project.mapping(folder / "metadata.yaml")
    if metadata is None:
        return None
    triggers = folder / "triggers.yaml"
    return Pipeline(
        project, folder, metadata, project.mapping(triggers) if project.is_file(triggers) else None
    )
