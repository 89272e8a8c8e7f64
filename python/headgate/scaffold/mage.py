"""New Mage pipelines and blocks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.pipelines.project import read_mapping
from headgate.scaffold.files import NewFiles
from headgate.scaffold.names import require_name
from headgate.scaffold.quoting import yaml_value
from headgate.scaffold.render import Templates
from headgate.scaffold.yaml_edit import YamlText

MAGE = "mage_pipelines"


@dataclass(frozen=True)
class Kind:
    """A kind of block that can be made."""

    #: Mage's type, its folder and, for Python, the decorator.
    type: str
    folder: str
    decorator: str
    #: The list of a pipeline's metadata.yaml that it stands in.
    list: str = "blocks"


KINDS = {
    "data_loader": Kind("data_loader", "data_loaders", "data_loader"),
    "transformer": Kind("transformer", "transformers", "transformer"),
    "data_exporter": Kind("data_exporter", "data_exporters", "data_exporter"),
    "sensor": Kind("sensor", "sensors", "sensor"),
    "callback": Kind("callback", "callbacks", "callback", "callbacks"),
    "conditional": Kind("conditional", "conditionals", "condition", "conditionals"),
    "custom": Kind("custom", "custom", "custom"),
    "dbt": Kind("dbt", "dbts", ""),
    "streaming_source": Kind("data_loader", "data_loaders", "streaming_source"),
    "streaming_transformer": Kind("transformer", "transformers", "transformer"),
    "streaming_sink": Kind("data_exporter", "data_exporters", "streaming_sink"),
}
#: Kinds that need the output of a block before them.
FED = frozenset({"transformer", "data_exporter", "streaming_transformer", "streaming_sink"})
#: Names that the functions of a generated pipeline have, which its module must not hide.
_FUNCTIONS = frozenset({"load", "transform", "check", "export", "source", "sink", "write", "test"})


def new_pipeline(
    project_dir: Path,
    name: str,
    *,
    streaming: bool = False,
    description: str | None = None,
    tags: Sequence[str] = (),
    schedule: str | None = None,
    nats: bool = False,
) -> NewFiles:
    """A pipeline that runs as it is: metadata, trigger, blocks, and the module that the blocks call.

    Args:
        project_dir: folder that holds dbt_project.yml.
        name: its uuid.
        streaming: whether it is a streaming pipeline.
        description: one sentence; one that tells what is generated unless given.
        tags: for Mage's list of pipelines; "new" unless given.
        schedule: cron expression, UTC; without one the trigger is inactive. Batch only.
        nats: the source is a NATS stream. Streaming only.

    Raises:
        UsageError: the name or an option is no good.
    """
    _require_function_free("pipeline", require_name("pipeline", name))
    if streaming and schedule:
        raise UsageError(
            f"pipeline {name}",
            expected="a schedule for batch pipelines only: a streaming one runs on and on",
            found=f"--schedule {schedule}",
            next_step="leave --schedule out",
        )
    templates = Templates(project_dir)
    described = description or (
        f"Streams {name}: source, transformer, sink."
        if streaming
        else f"Runs {name}: load, transform, export."
    )
    head = {"name": name, "description": yaml_value(described), "tags": yaml_value(list(tags or ["new"]))}
    folder = f"{MAGE}/pipelines/{name}"
    texts = {
        f"{MAGE}/utils/{name}.py": templates.render(
            "mage_pipeline_template.py", name=name, type="streaming" if streaming else "batch"
        )
    }
    if streaming:
        source_language = "yaml" if nats else "python"
        texts[f"{folder}/metadata.yaml"] = templates.render(
            "pipeline_streaming.yaml", source_language=source_language, **head
        )
        kinds = {"transform": "streaming_transformer", "sink": "streaming_sink"}
        if nats:
            texts[f"{MAGE}/data_loaders/{name}/source.yaml"] = templates.render("nats_source.yaml", name=name)
        else:
            kinds["source"] = "streaming_source"
    else:
        texts[f"{folder}/metadata.yaml"] = templates.render("pipeline_batch.yaml", **head)
        texts[f"{folder}/triggers.yaml"] = trigger(templates, name, schedule)
        kinds = {"load": "data_loader", "transform": "transformer", "export": "data_exporter"}
    for block, kind in kinds.items():
        texts[f"{MAGE}/{KINDS[kind].folder}/{name}/{block}.py"] = python_block(
            templates, block, kind, pipeline=name, module=name
        )
    return NewFiles(project_dir, texts)


def trigger(templates: Templates, name: str, schedule: str | None) -> str:
    """The trigger of a pipeline; inactive where no schedule was asked for."""
    described = "On this schedule, UTC." if schedule else "Every day, once it is set active."
    status = "active" if schedule else "inactive"
    return templates.render(
        "triggers.yaml", name=name, schedule=schedule or "0 5 * * *", status=status, description=described
    )


def python_block(
    templates: Templates, name: str, kind: str, *, pipeline: str = "", module: str = "", orphan: bool = False
) -> str:
    """The text of a Python block."""
    return templates.render(
        "mage_block_template.py",
        name=name,
        kind=kind,
        decorator=KINDS[kind].decorator,
        pipeline=pipeline,
        module=module,
        orphan=orphan,
    )


def new_block(
    project_dir: Path,
    kind: str,
    name: str,
    *,
    pipeline: str | None = None,
    after: str | None = None,
    before: str | None = None,
    select: str | None = None,
    folder: str | None = None,
) -> NewFiles:
    """A block and, where a pipeline is named, its place in it.

    Args:
        project_dir: folder that holds dbt_project.yml.
        kind: a key of KINDS.
        name: its name; its uuid is folder/name.
        pipeline: a pipeline of the project.
        after: the block that it gets its input from; the pipeline's last one unless given.
        before: the block that it hands on to; none unless given, for sensors the pipeline's first one.
        select: for dbt: what to build, in dbt's words.
        folder: the sub-folder of its file; the pipeline's name unless given.

    Raises:
        UsageError: a name is no good, or there is no such pipeline or block.
    """
    _require_function_free("block", require_name("block", name), frozenset({"test"}))
    place = require_name("folder", folder) if folder else pipeline or "unused"
    _require_dbt_options(kind, name, pipeline, select)
    templates, uuid = Templates(project_dir), f"{place}/{name}"
    stem = f"{MAGE}/{KINDS[kind].folder}/{uuid}"
    if kind == "dbt":
        texts = {f"{stem}.yaml": templates.render("dbt_block.yaml", name=name, select=select)}
    else:
        block = python_block(templates, name, kind, pipeline=pipeline or "", orphan=pipeline is None)
        texts = {f"{stem}.py": block}
    if pipeline is None:
        return NewFiles(project_dir, texts)
    metadata = _metadata_file(project_dir, pipeline)
    texts[metadata] = _placed(templates, project_dir / metadata, Place(kind, name, uuid, after, before))
    return NewFiles(project_dir, texts, frozenset({metadata}))


def _require_dbt_options(kind: str, name: str, pipeline: str | None, select: str | None) -> None:
    if kind == "dbt" and not (select and pipeline):
        raise UsageError(
            f"block {name}",
            expected="--pipeline and --select with a dbt block",
            found="a dbt block without them",
            next_step="name the pipeline and what dbt builds, for instance --select stg_orders+",
        )
    if kind != "dbt" and select:
        raise UsageError(
            f"block {name}",
            expected="--select with dbt blocks only",
            found=f"it with a {kind} block",
            next_step="leave it out",
        )


@dataclass(frozen=True)
class Place:
    """Where a new block goes."""

    kind: str
    name: str
    uuid: str
    after: str | None
    before: str | None


def _placed(templates: Templates, file: Path, place: Place) -> str:
    """A pipeline's metadata.yaml with one more block in it, and in the lists of its neighbours."""
    metadata = read_mapping(file)
    _fits(metadata, place)
    kind = KINDS[place.kind]
    blocks = {block["uuid"]: block for block in metadata.get("blocks") or []}
    text = YamlText(file.read_text(encoding="utf-8"))
    upstream, downstream = _neighbours(blocks, place)
    entry = templates.render(
        "block_entry.yaml",
        uuid=place.uuid,
        name=place.name,
        type=kind.type,
        language="yaml" if place.kind == "dbt" else "python",
        kind=place.kind,
        upstream=f"[{', '.join(upstream)}]",
        downstream=f"[{', '.join(downstream)}]",
    )
    text = text.with_entry(kind.list, entry)
    if kind.list != "blocks":
        return text.text
    for block in upstream:
        standing = [name for name in blocks[block].get("downstream_blocks") or [] if name not in downstream]
        text = text.with_names(["blocks"], block, "downstream_blocks", [*standing, place.uuid])
    for block in downstream:
        standing = [name for name in blocks[block].get("upstream_blocks") or [] if name not in upstream]
        text = text.with_names(["blocks"], block, "upstream_blocks", [*standing, place.uuid])
    for callback in metadata.get("callbacks") or []:
        # A callback of all blocks is one of the new block too.
        if set(callback.get("upstream_blocks") or []) >= set(blocks):
            names = [*callback["upstream_blocks"], place.uuid]
            text = text.with_names(["callbacks"], callback["uuid"], "upstream_blocks", names)
    return text.text


def _fits(metadata: dict[str, Any], place: Place) -> None:
    """Refuses a block that stands already, and streaming blocks in batch pipelines or the other way round."""
    streaming = metadata.get("type") == "streaming"
    if streaming != place.kind.startswith("streaming_"):
        fitting = [kind for kind in KINDS if kind.startswith("streaming_") == streaming]
        is_what = "streaming" if streaming else "batch"
        raise UsageError(
            f"block {place.name}",
            expected=f"one of {', '.join(fitting)}: the pipeline is a {is_what} one",
            found=place.kind,
            next_step="choose one of these, or another pipeline",
        )
    listed = metadata.get(KINDS[place.kind].list) or []
    if any(block.get("uuid") == place.uuid for block in listed):
        raise UsageError(
            f"block {place.uuid}",
            expected="a block that the pipeline does not have yet",
            found="one of that name in it",
            next_step="choose another name",
        )


def _neighbours(blocks: dict[str, Any], place: Place) -> tuple[list[str], list[str]]:
    """The blocks before and after a new one."""
    after, before = _known(blocks, place, place.after), _known(blocks, place, place.before)
    if KINDS[place.kind].list != "blocks":
        return ([after] if after else list(blocks)), []
    if place.kind == "sensor" and not (after or before):
        roots = [uuid for uuid, block in blocks.items() if not block.get("upstream_blocks")]
        before = _single(roots, place, "--before")
    if before and not after:
        fed_by = blocks[before].get("upstream_blocks") or []
        after = fed_by[0] if len(fed_by) == 1 and place.kind != "sensor" else None
    elif not after and blocks and place.kind not in {"data_loader", "streaming_source"}:
        leaves = [uuid for uuid, block in blocks.items() if not block.get("downstream_blocks")]
        after = _single(leaves, place, "--after")
    if place.kind in FED and not after:
        raise UsageError(
            f"block {place.name}",
            expected="a block before it, for it works on that one's output",
            found="none",
            next_step="name one with --after",
        )
    return [after] if after else [], [before] if before else []


def _single(candidates: Sequence[str], place: Place, option: str) -> str | None:
    if len(candidates) > 1:
        raise UsageError(
            f"block {place.name}",
            expected=f"one block that it can follow or lead, or {option}",
            found=f"{len(candidates)}: {', '.join(candidates)}",
            next_step=f"name one of them with {option}",
        )
    return candidates[0] if candidates else None


def _known(blocks: dict[str, Any], place: Place, uuid: str | None) -> str | None:
    if uuid is None or uuid in blocks:
        return uuid
    matching = [known for known in blocks if known.rpartition("/")[2] == uuid]
    if len(matching) == 1:
        return matching[0]
    raise UsageError(
        f"block {place.name}",
        expected=f"a block among {', '.join(blocks)}",
        found=uuid,
        next_step="name one of these",
    )


def _metadata_file(project_dir: Path, pipeline: str) -> str:
    file = f"{MAGE}/pipelines/{pipeline}/metadata.yaml"
    if (project_dir / file).is_file():
        return file
    known = sorted(path.parent.name for path in (project_dir / MAGE).glob("pipelines/*/metadata.yaml"))
    raise UsageError(
        f"pipeline {pipeline}",
        expected=f"one of {', '.join(known)}",
        found="no pipeline of that name",
        next_step=f"choose one, or run `headgate new pipeline {pipeline}` first",
    )


def _require_function_free(what: str, name: str, taken: frozenset[str] = _FUNCTIONS) -> None:
    if name in taken:
        raise UsageError(
            f"{what} {name}",
            expected=f"another name than {', '.join(sorted(taken))}: functions in its blocks are called so",
            found=name,
            next_step=f"call it {name}_it",
        )
