"""Rules on a pipeline's metadata as data: its shape, its names, the values that Mage has lists of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.pipeline import Block, Pipeline
from headgate.pipelines.validation.schema import check
from headgate.pipelines.validation.schemas import schemas
from headgate.pipelines.validation.suggestions import MISSPELT_VALUE, change_to, nearest, one_of
from headgate.pipelines.validation.yaml_lines import Lines, is_templated

#: Block types that belong into a list of their own, and that list.
OWN_LISTS = {
    "callback": "callbacks",
    "conditional": "conditionals",
    "chart": "widgets",
    "extension": "extensions",
}


def shape(pipeline: Pipeline) -> Iterator[Finding]:
    """HG004, HG009, HG015: keys are ones that Mage reads, and their values of the right kind."""
    path = pipeline.metadata_file
    for finding in check(schemas().pipeline, pipeline.metadata, path):
        yield _with_block(pipeline, finding)
    extensions = pipeline.metadata.get("extensions")
    for extension in extensions.values() if isinstance(extensions, Lines) else ():
        if isinstance(extension, Lines):
            for finding in check(schemas().extension, extension, path):
                yield _with_block(pipeline, finding)


def name(pipeline: Pipeline) -> Iterator[Finding]:
    """HG002: the uuid is the folder's name: Mage finds a pipeline by its folder."""
    uuid, folder = pipeline.metadata.get("uuid"), pipeline.folder.name
    if uuid is not None and uuid != folder:
        yield pipeline.finding(
            "HG002", ("uuid",), f"uuid {uuid}", f"the folder's name, {folder}", f"write `uuid: {folder}`"
        )


#: What Mage does with a value that it has not in its list, by key; it fails on others.
FALLS_BACK = {
    "type": "Mage runs the pipeline as a batch pipeline",
    "executor_type": "Mage runs it in its own process",
    "execution_framework": "Mage runs it without a framework",
    "status": "Mage reads it as not executed",
    "color": "Mage draws the block in its usual colour",
}


def pipeline_values(pipeline: Pipeline) -> Iterator[Finding]:
    """HG003: the pipeline's own values are in Mage's lists."""
    lists = pipeline.project.lists
    for key, known in (
        ("type", lists.pipeline_types),
        ("executor_type", lists.executor_types),
        ("execution_framework", lists.execution_frameworks),
    ):
        if _unlisted(found := pipeline.metadata.get(key), known):
            message, mend, harmless = _fallback(key, found, known, FALLS_BACK)
            yield pipeline.finding("HG003", (key,), message, one_of(known), mend, harmless=harmless)


def block_values(pipeline: Pipeline) -> Iterator[Finding]:
    """HG010: a block's values are in Mage's lists."""
    lists = pipeline.project.lists
    types = [name for name in lists.working_block_types if name not in _foreign_types(pipeline)]
    falls_back = {key: FALLS_BACK[key] for key in ("executor_type", "status", "color")}
    for block in pipeline.blocks:
        for key, known in (
            ("type", types),
            ("language", list(lists.languages)),
            ("executor_type", lists.executor_types),
            ("status", lists.block_statuses),
            ("color", lists.block_colors),
        ):
            if _unlisted(found := block.data.get(key), known):
                message, mend, harmless = _fallback(key, found, known, falls_back)
                if key == "type" and found in lists.block_types:
                    message += ": Mage lists it, and fails to run a pipeline with it"
                yield block.finding("HG010", (key,), message, one_of(known), mend, harmless=harmless)


def _fallback(
    key: str, found: Any, known: Sequence[str], falls_back: Mapping[str, str]
) -> tuple[str, str, bool]:
    """What to say of a value that is in no list, how to mend it, and whether it does no harm.

    A value that Mage passes over is no error, unless it is nearly one of the list: then something else
    happens than somebody meant.
    """
    if key not in falls_back:
        return f"{key} {found}", change_to(found, known), False
    meant = nearest(str(found), known, MISSPELT_VALUE)
    if meant:
        return f"{key} {found}", f"change it to {meant}", False
    return f"{key} {found}: {falls_back[key]}", f"remove `{key}:`, and nothing changes", True


def lists_of_types(pipeline: Pipeline) -> Iterator[Finding]:
    """HG016: callbacks, conditionals, charts and extensions stand in their lists, and nothing else does."""
    for block in pipeline.blocks:
        wanted = OWN_LISTS.get(block.type, "blocks")
        if block.kind != wanted and block.type in pipeline.project.lists.working_block_types:
            message = f"type {block.type} in {block.kind}"
            yield block.finding(
                "HG016", ("type",), message, f"it in {wanted}", f"move the entry to `{wanted}:`"
            )


def unique_names(pipeline: Pipeline) -> Iterator[Finding]:
    """HG005: every block has a name of its own, over all lists."""
    first: dict[str, Block] = {}
    for block in pipeline.blocks:
        if not block.uuid:
            continue
        if block.uuid in first:
            other = first[block.uuid]
            message = f"uuid {block.uuid} stands in {other.kind}, line {other.line('uuid')}, already"
            yield block.finding(
                "HG005", ("uuid",), message, "a uuid of its own", "rename one of the two, and its file"
            )
        first.setdefault(block.uuid, block)


def _with_block(pipeline: Pipeline, finding: Finding) -> Finding:
    """The finding with the block in whose lines it lies."""
    inside = [block for block in pipeline.blocks if block.data.line <= finding.line]
    inner = max(inside, key=lambda block: block.data.line, default=None)
    if inner is None or finding.line > _last_line(inner.data):
        return finding
    return replace(finding, block=inner.uuid)


def _last_line(value: Any) -> int:
    children = [*value.values()] if isinstance(value, Lines) else value if isinstance(value, list) else []
    lines = value.lines.values() if isinstance(value, Lines) else getattr(value, "lines", [])
    return max(
        [*lines, *(_last_line(child) for child in children if isinstance(child, list | dict))], default=0
    )


def _foreign_types(pipeline: Pipeline) -> frozenset[str]:
    """Block types that only an execution framework's pipeline holds."""
    framed = pipeline.type == "execution_framework" or bool(pipeline.metadata.get("execution_framework"))
    return frozenset() if framed else frozenset({"group", "pipeline"})


def _unlisted(value: Any, known: Sequence[str]) -> bool:
    return (
        value is not None
        and value not in known
        and not is_templated(value)
        and not isinstance(value, dict | list)
    )


RULES = (shape, name, pipeline_values, block_values, lists_of_types, unique_names)
