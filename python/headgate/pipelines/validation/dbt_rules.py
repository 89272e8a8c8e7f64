"""Rules on dbt blocks: their project, profile and target, what they select, and whether it is tested."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from headgate.pipelines.validation.dbt_project import COMMANDS, TESTING, DbtProject, find, unknown_criteria
from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.pipeline import Block, Pipeline
from headgate.pipelines.validation.suggestions import change_to, nearest, one_of
from headgate.pipelines.validation.yaml_lines import Lines, is_templated

SELECTION = frozenset({"--select", "-s", "--models", "--model", "-m"})
#: A source that Mage loads with `dbt seed` from the output of another block.
FROM_BLOCK = re.compile(r"\{\{\s*source\(\s*['\"]mage_")


def command(block: Block) -> str:
    """The dbt command that Mage runs for a block: `run` where a YAML block names none."""
    given = block.configuration.get("dbt")
    named = given.get("command") if isinstance(given, Lines) else None
    if block.language == "yaml":
        return str(named or "run")
    untested = block.configuration.get("disable_tests") or (
        isinstance(given, Lines) and given.get("disable_tests")
    )
    return "run" if untested else "build"


def projects(pipeline: Pipeline) -> Iterator[Finding]:
    """HG030, HG031, HG032: a dbt block finds its project, its profile and its target."""
    for block in _blocks(pipeline):
        start, key = _start(block)
        if start is not None and is_templated(str(start)):
            continue
        project = _project(block)
        if project is None:
            named = block.configuration.get(key)
            message = f"no dbt_project.yml in {named} or above it" if named else f"no {key}"
            mend = f"correct `{key}:`; it is seen from the Mage project's folder"
            yield block.finding("HG030", ("configuration", key), message, "the folder of a dbt project", mend)
        else:
            yield from _profile(block, project)


def _profile(block: Block, project: DbtProject) -> Iterator[Finding]:
    if project.profiles_file is None:
        message = f"no profiles.yml in {project.folder.name}"
        expected = "a profiles.yml beside dbt_project.yml: Mage looks nowhere else"
        yield block.finding("HG031", ("configuration",), message, expected, "write it, or an example of it")
        return
    if project.profile not in project.profiles:
        line = project.data.lines.get("profile", 1)
        message = f"profile {project.profile} is not in {project.profiles_file.name}"
        expected = one_of(project.profiles)
        mend = change_to(project.profile, project.profiles)
        yield Finding("HG031", project.file, line, message, expected, mend, block.uuid)
        return
    target = block.configuration.get("dbt_profile_target")
    if target and not is_templated(target) and target not in project.targets:
        keys = ("configuration", "dbt_profile_target")
        message = f"target {target} of profile {project.profile}"
        yield block.finding(
            "HG032", keys, message, one_of(project.targets), change_to(target, project.targets)
        )


def selections(pipeline: Pipeline) -> Iterator[Finding]:
    """HG033: what a dbt block selects can exist; dbt only warns, and does nothing."""
    for block in _blocks(pipeline):
        project = _project(block)
        text = pipeline.project.text(block.file) if _has_file(block) else None
        if project is None or text is None or block.language != "yaml":
            continue
        try:
            criteria = list(_criteria(text))
        except ValueError as error:
            mend = "close the quotes: Mage splits the file as a shell does"
            yield block.file_finding("HG033", 1, f"not splittable: {error}", "arguments of dbt", mend)
            continue
        for criterion, line in criteria:
            if not is_templated(criterion):
                yield from _selected(block, project, criterion, line)


def _selected(block: Block, project: DbtProject, criterion: str, line: int) -> Iterator[Finding]:
    if criterion.startswith("selector:"):
        name = criterion.removeprefix("selector:")
        known = project.selectors or {}
        if name not in known:
            expected = (
                f"{one_of(known)}, in selectors.yml" if known else "a selectors.yml beside dbt_project.yml"
            )
            yield block.file_finding("HG033", line, f"selector {name}", expected, change_to(name, known))
        elif missing := unknown_criteria(known[name].get("definition"), project):
            message = f"selector {name} names {', '.join(missing)}"
            mend = "correct its definition in selectors.yml"
            yield block.file_finding("HG033", line, message, "something that the dbt project has", mend)
    elif not project.knows(criterion):
        match = nearest(criterion.strip("+@"), project.nodes)
        mend = f"did you mean {match}?" if match else "select a node, a folder or a tag of the dbt project"
        yield block.file_finding(
            "HG033", line, f"{criterion} is nothing that dbt has", "at least one node", mend
        )


def commands(pipeline: Pipeline) -> Iterator[Finding]:
    """HG014, HG036: dbt has the command, and what it builds is tested: by it, or by a later dbt block."""
    for block in _blocks(pipeline):
        named = command(block)
        given = block.configuration.get("dbt")
        keys = ("configuration", "dbt", "command") if isinstance(given, Lines) else ("configuration",)
        if is_templated(named):
            continue
        if named.split()[0] not in COMMANDS:
            yield block.finding(
                "HG036", keys, f"dbt command {named}", one_of(COMMANDS), change_to(named, COMMANDS)
            )
        elif named in {"run", "seed", "snapshot"} and not _tested_later(pipeline, block):
            said = named if isinstance(given, Lines) and given.get("command") else f"{named}, Mage's default,"
            yield block.finding(
                "HG014",
                keys,
                f"dbt {said} runs no test",
                "dbt build, or a later dbt block that tests",
                "write `dbt: {command: build}`",
            )


def _tested_later(pipeline: Pipeline, block: Block) -> bool:
    seen, waiting = {block.uuid}, list(pipeline.downstream.get(block.uuid, ()))
    while waiting:
        other = waiting.pop()
        if other.uuid not in seen:
            seen.add(other.uuid)
            if other.type == "dbt" and command(other) in TESTING:
                return True
            waiting += pipeline.downstream[other.uuid]
    return False


def data_in_and_out(pipeline: Pipeline) -> Iterator[Finding]:
    """HG034, HG035: rows stay in the database: into dbt SQL blocks they go as CSV, out of them by pandas."""
    for block in _blocks(pipeline):
        if block.language != "sql":
            continue
        text = (pipeline.project.text(block.file) if _has_file(block) else None) or ""
        for other in pipeline.upstream(block):
            if other.type not in {"dbt", "sensor"} and FROM_BLOCK.search(text):
                yield block.finding(
                    "HG034",
                    ("upstream_blocks", other.uuid),
                    f"the output of {other.uuid} is written to a CSV file and loaded with dbt seed",
                    "data landed in the database, and a dbt source on it",
                    f"let {other.uuid} write a table, and hand on a summary",
                )
        for other in pipeline.downstream.get(block.uuid, ()):
            if other.type != "dbt" and other.language in {"python", "sql", "r"}:
                yield other.finding(
                    "HG035",
                    ("upstream_blocks", block.uuid),
                    f"the whole model {block.uuid} is pulled into pandas for this block",
                    "a dbt YAML block before it, which hands nothing on",
                    f"run {block.uuid} by a dbt YAML block, and read what is needed in this one",
                )


def named_after_selectors(pipeline: Pipeline) -> Iterator[Finding]:
    """HG072: a dbt YAML block that uses a selector has its name."""
    if not pipeline.project.settings.dbt_blocks_named_after_selector:
        return
    for block in _blocks(pipeline):
        text = pipeline.project.text(block.file) if _has_file(block) and block.language == "yaml" else None
        try:
            criteria = list(_criteria(text or ""))
        except ValueError:
            continue
        for criterion, line in criteria:
            name = criterion.removeprefix("selector:")
            if name != criterion and name != block.file.stem:
                mend = f"rename the block to {name}, or take the selector {block.file.stem}"
                yield block.file_finding(
                    "HG072", line, f"selector {name}", f"{block.file.stem}, the block's name", mend
                )


def _blocks(pipeline: Pipeline) -> list[Block]:
    return [block for block in pipeline.graph.values() if block.type == "dbt"]


def _has_file(block: Block) -> bool:
    return block.needs_file and block.pipeline.project.is_file(block.file)


def _start(block: Block) -> tuple[Path | None, str]:
    """Where the search for the dbt project begins, and the key that says so."""
    if block.language == "sql":
        return (block.file if _has_file(block) else None), "file_path"
    for key in ("dbt_profiles_file_path", "dbt_project_name"):
        given = block.configuration.get(key)
        if isinstance(given, str) and given:
            return block.pipeline.project_path(given), key
    return None, "dbt_project_name"


def _project(block: Block) -> DbtProject | None:
    start, _ = _start(block)
    if start is None or not start.exists():
        return None
    folder = find(start)
    return block.pipeline.project.dbt(folder) if folder else None


def _criteria(text: str) -> Iterator[tuple[str, int]]:
    """Every criterion that a block selects by, with its line; selectors as `selector:NAME`."""
    option = ""
    for word in shlex.split(text):
        value = word
        if word.startswith("-"):
            option, _, value = word.partition("=")
        if value and option == "--selector":
            yield f"selector:{value}", _line(text, value)
        elif option in SELECTION:
            yield from (
                (part, _line(text, part)) for union in value.split() for part in union.split(",") if part
            )
        if value:
            option = option if option in SELECTION else ""


def _line(text: str, word: str) -> int:
    return next((line for line, content in enumerate(text.splitlines(), 1) if word in content), 1)


RULES = (projects, selections, commands, data_in_and_out, named_after_selectors)
