"""Runs the rules over a Mage project or over one of its pipelines."""

from __future__ import annotations

import contextlib
import gc
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from headgate.errors import UsageError
from headgate.pipelines.validation import (
    block_rules,
    dbt_rules,
    graph_rules,
    own_rules,
    project_rules,
    secret_rules,
    streaming_rules,
    structure_rules,
    trigger_rules,
)
from headgate.pipelines.validation.codes import ERROR
from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.pipeline import Pipeline, load, pipeline_folders
from headgate.pipelines.validation.project import Project

#: Every rule on a pipeline.
RULES: tuple[Callable[[Pipeline], Iterator[Finding]], ...] = (
    *structure_rules.RULES,
    *graph_rules.RULES,
    *block_rules.RULES,
    *dbt_rules.RULES,
    *streaming_rules.RULES,
    *trigger_rules.RULES,
    *own_rules.RULES,
)
IGNORED = re.compile(r"#\s*headgate:\s*ignore\s+((?:HG\d{3}[,\s]*)+)")


@dataclass(frozen=True)
class Report:
    """What was found, and where the lists of Mage came from."""

    findings: list[Finding]
    pipelines: int
    mage_version: str

    @property
    def errors(self) -> int:
        """How many findings are errors."""
        return sum(finding.severity == ERROR for finding in self.findings)

    @property
    def warnings(self) -> int:
        """How many findings are warnings."""
        return len(self.findings) - self.errors

    def failed(self, *, strict: bool) -> bool:
        """Whether the findings are reason to stop."""
        return bool(self.findings) if strict else self.errors > 0


def validate(path: Path) -> Report:
    """Everything that is wrong in a Mage project, or in one of its pipelines.

    Args:
        path: A Mage project's folder, a folder with one in it, a pipeline's folder, or a file there.

    Raises:
        UsageError: There is nothing of Mage.
    """
    folder, only = _located(path)
    with _without_collecting():
        return _validated(Project(folder), only)


def _validated(project: Project, only: Path | None) -> Report:
    folder = project.folder
    folders = [only] if only else pipeline_folders(folder)
    pipelines = [pipeline for found in folders if (pipeline := load(project, found)) is not None]
    findings = [finding for pipeline in pipelines for rule in RULES for finding in rule(pipeline)]
    findings += _of_project(project, pipelines, whole=only is None)
    findings += _duplicates(project)
    for block in (block for pipeline in pipelines for block in pipeline.blocks):
        if block.language in {"sql", "r", "markdown"} and block.needs_file and project.is_file(block.file):
            project.text(block.file)  # Only secrets are looked for in these.
    findings += secret_rules.secrets(project)
    findings += project.unreadable.values()
    wanted = dict.fromkeys(finding for finding in findings if not _ignored(project, finding))
    ordered = sorted(wanted, key=lambda finding: (str(finding.path), finding.line, finding.code))
    return Report(ordered, len(folders), project.lists.version)


@contextlib.contextmanager
def _without_collecting() -> Iterator[None]:
    """Syntax trees are many objects that stay to the end: looking for garbage among them costs a third."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _located(path: Path) -> tuple[Path, Path | None]:
    """The Mage project's folder, and the one pipeline that is asked for."""
    path = Path(os.path.normpath(path.absolute()))
    if path.is_file():
        path = path.parent
    if path.parent.name == "pipelines" and path.is_dir():
        return path.parents[1], path
    if (path / "pipelines").is_dir():
        return path, None
    below = sorted(
        found.parent for found in path.glob("*/pipelines") if (found.parent / "metadata.yaml").is_file()
    )
    if len(below) == 1:
        return below[0], None
    raise UsageError(
        "pipelines validate",
        expected="a Mage project (a folder with pipelines/<name>/metadata.yaml), or a pipeline's folder",
        found=f"{len(below)} Mage projects in it" if below else f"none in {path.name}",
        next_step=f"name one: {', '.join(folder.name for folder in below)}"
        if below
        else "give the project's path",
    )


def _of_project(project: Project, pipelines: Sequence[Pipeline], *, whole: bool) -> Iterator[Finding]:
    if whole:
        for rule in project_rules.RULES:
            yield from rule(project, pipelines)
    else:
        for pipeline in pipelines:
            yield from project_rules.product_blocks(pipeline)
            yield from project_rules.alerts(project, pipeline.metadata_file, pipeline.metadata)


def _duplicates(project: Project) -> Iterator[Finding]:
    """HG027: keys that stand twice in one mapping; YAML keeps the last."""
    for document in project.documents():
        for mapping in document.with_duplicates:
            for key, line in mapping.duplicates:
                message = f"key {key} stands here a second time"
                yield Finding(
                    "HG027",
                    document.path,
                    line,
                    message,
                    "each key once: the last wins",
                    "remove one of them",
                )


def _ignored(project: Project, finding: Finding) -> bool:
    """Whether the settings or a comment at the line say that a finding is known."""
    relative = Path(os.path.relpath(finding.path, project.folder)).as_posix()
    if project.settings.ignores(finding.code, relative):
        return True
    text = project.known_text(finding.path)
    if text is None or "headgate:" not in text:
        return False
    lines = text.splitlines()
    found = IGNORED.search(lines[finding.line - 1]) if finding.line <= len(lines) else None
    return found is not None and finding.code in found[1]
