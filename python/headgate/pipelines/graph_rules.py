"""Rules on a pipeline as a graph: its name, the blocks it lists, and how they refer to each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from headgate.pipelines import mage_facts
from headgate.pipelines.project import Finding, Pipeline

OPPOSITE = {"upstream": "downstream", "downstream": "upstream"}


def hg002_name(pipeline: Pipeline) -> Iterator[Finding]:
    """The uuid is the folder's name."""
    uuid = pipeline.metadata.get("uuid")
    if uuid != pipeline.folder.name:
        text = f"uuid {uuid!r}: expected the folder's name, {pipeline.folder.name!r}"
        yield Finding("HG002", pipeline.metadata_file, text)


def hg003_pipeline_type(pipeline: Pipeline) -> Iterator[Finding]:
    """The pipeline's type is one that Mage has."""
    found = pipeline.metadata.get("type")
    if found not in mage_facts.PIPELINE_TYPES:
        text = f"pipeline type {found!r}: expected one of {', '.join(sorted(mage_facts.PIPELINE_TYPES))}"
        yield Finding("HG003", pipeline.metadata_file, text)


def hg005_unique_names(pipeline: Pipeline) -> Iterator[Finding]:
    """Every block has a name of its own."""
    for name, count in Counter(block.uuid for block in pipeline.all_blocks).items():
        if count > 1 or not name:
            text = f"block {name!r} stands {count} times" if name else "a block without uuid"
            yield Finding("HG005", pipeline.metadata_file, text)


def hg006_references(pipeline: Pipeline) -> Iterator[Finding]:
    """Every reference names a block of this pipeline; Mage drops others silently."""
    for block in pipeline.all_blocks:
        for direction in OPPOSITE:
            for name in block.names(direction):
                if name not in pipeline.blocks:
                    text = f"block {block.uuid}: {direction} block {name} does not exist"
                    yield Finding("HG006", pipeline.metadata_file, text)


def hg007_symmetry(pipeline: Pipeline) -> Iterator[Finding]:
    """What is upstream on one side is downstream on the other; Mage runs in the order of one of them only."""
    for block in pipeline.blocks.values():
        for direction, opposite in OPPOSITE.items():
            for name in block.names(direction):
                other = pipeline.blocks.get(name)
                if other is not None and block.uuid not in other.names(opposite):
                    text = f"block {block.uuid}: {direction} block {name} does not list it as {opposite}"
                    yield Finding("HG007", pipeline.metadata_file, text)


def hg008_cycles(pipeline: Pipeline) -> Iterator[Finding]:
    """No block waits for itself."""
    waiting = {
        uuid: {name for name in block.names("upstream") if name in pipeline.blocks}
        for uuid, block in pipeline.blocks.items()
    }
    while ready := [name for name, upstream in waiting.items() if not upstream]:
        for name in ready:
            del waiting[name]
        for upstream in waiting.values():
            upstream.difference_update(ready)
    if waiting:
        yield Finding(
            "HG008", pipeline.metadata_file, f"blocks wait for each other: {', '.join(sorted(waiting))}"
        )


RULES = (hg002_name, hg003_pipeline_type, hg005_unique_names, hg006_references, hg007_symmetry, hg008_cycles)
