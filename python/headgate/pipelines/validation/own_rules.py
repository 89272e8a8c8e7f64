"""Rules that a project sets itself: gates on every path, and short blocks. See `settings`."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.pipelines.validation.dbt_project import TESTING
from headgate.pipelines.validation.dbt_rules import command
from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.pipeline import Block, Pipeline
from headgate.pipelines.validation.yaml_lines import Items


def gates(pipeline: Pipeline) -> Iterator[Finding]:
    """HG070: every path from a loader, or from dbt that does not test, to an exporter passes a gate.

    Only in batch pipelines: a streaming one lands raw data, and the gates stand behind it.
    """
    if not pipeline.project.settings.gates_on_every_path or pipeline.type == "streaming":
        return
    tested = _with_extensions(pipeline)
    for start in pipeline.graph.values():
        if start.type not in {"data_loader", "dbt"} or _is_gate(start, tested):
            continue
        for path in _ungated(pipeline, start, tested):
            yield path[-1].finding(
                "HG070",
                ("uuid",),
                f"no gate on {' -> '.join(block.uuid for block in path)}",
                "a gate between: dbt build or test, a block with @test, or one listed under `gates:`",
                "put a gate between, or list the block that is one in .headgate-validate.yaml",
            )


def _ungated(pipeline: Pipeline, start: Block, tested: set[str]) -> Iterator[list[Block]]:
    """For each exporter that is reached without passing a gate: one path to it."""
    seen, waiting = {start.uuid}, [[start]]
    while waiting:
        path = waiting.pop()
        for block in pipeline.downstream[path[-1].uuid]:
            if block.uuid in seen or _is_gate(block, tested):
                continue
            seen.add(block.uuid)
            if block.type == "data_exporter":
                yield [*path, block]
            waiting.append([*path, block])


def _is_gate(block: Block, tested: set[str]) -> bool:
    if block.uuid in block.pipeline.project.settings.gates or block.uuid in tested:
        return True
    if block.type == "dbt":
        return command(block) in TESTING
    python = block.python
    return block.type != "data_exporter" and python is not None and bool(python.under("test"))


def _with_extensions(pipeline: Pipeline) -> set[str]:
    """Blocks whose output an extension, such as Great Expectations, tests."""
    found: set[str] = set()
    for block in pipeline.blocks:
        listed = block.data.get("upstream_blocks")
        if block.kind == "extensions" and isinstance(listed, Items):
            found |= set(block.names("upstream"))
    return found


def lengths(pipeline: Pipeline) -> Iterator[Finding]:
    """HG071: blocks are short; logic belongs into a package that tests can import."""
    longest = pipeline.project.settings.longest_block
    for block in pipeline.blocks if longest else ():
        python = block.python
        if python is not None and longest and python.length > longest:
            mend = "move logic into the package, and call it"
            yield block.file_finding(
                "HG071", longest + 1, f"{python.length} lines", f"at most {longest}", mend
            )


RULES = (gates, lengths)
