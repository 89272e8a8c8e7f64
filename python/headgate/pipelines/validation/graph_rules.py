"""Rules on how blocks refer to each other."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.pipeline import Block, Pipeline
from headgate.pipelines.validation.suggestions import nearest

OPPOSITE = {"upstream": "downstream", "downstream": "upstream"}


def references(pipeline: Pipeline) -> Iterator[Finding]:
    """HG006: every reference names a block of this pipeline; Mage drops others silently."""
    known = pipeline.by_uuid
    for block in pipeline.blocks:
        for direction in OPPOSITE:
            for name in dict.fromkeys(block.names(direction)):
                if name not in known:
                    keys = (f"{direction}_blocks", name)
                    yield block.finding(
                        "HG006", keys, f"{direction} block {name}", *_existing(name, pipeline)
                    )
        replicated = block.data.get("replicated_block")
        if isinstance(replicated, str) and replicated and replicated not in known:
            message = f"replicated block {replicated}"
            yield block.finding("HG006", ("replicated_block",), message, *_existing(replicated, pipeline))


def _existing(name: str, pipeline: Pipeline) -> tuple[str, str]:
    match = nearest(name, pipeline.by_uuid)
    mend = f"did you mean {match}?" if match else "remove the reference, or add the block"
    return "a block of this pipeline: Mage drops the reference", mend


def symmetry(pipeline: Pipeline) -> Iterator[Finding]:
    """HG007: what is upstream on one side is downstream on the other; Mage runs by one of them only."""
    for block in pipeline.graph.values():
        for direction, opposite in OPPOSITE.items():
            for name in dict.fromkeys(block.names(direction)):
                other = pipeline.graph.get(name)
                if other is not None and other is not block and block.uuid not in other.names(opposite):
                    there = f"{opposite}_blocks of {name}"
                    yield block.finding(
                        "HG007",
                        (f"{direction}_blocks", name),
                        f"{direction} block {name} does not list it as {opposite}",
                        f"{block.uuid} under {there}",
                        f"add {block.uuid} to {there}, line {other.line(f'{opposite}_blocks')}, or remove it",
                    )


def cycles(pipeline: Pipeline) -> Iterator[Finding]:
    """HG008: no block waits for itself, by what both directions say together."""
    follows: dict[str, list[str]] = {uuid: [] for uuid in pipeline.graph}
    for block in pipeline.graph.values():
        for name in block.names("upstream"):
            if name in follows:
                follows[name].append(block.uuid)
        follows[block.uuid] += [name for name in block.names("downstream") if name in follows]
    reported: set[frozenset[str]] = set()
    for path in _cycles(follows):
        if frozenset(path) not in reported:
            reported.add(frozenset(path))
            block, keys = _weakest(pipeline, path)
            printed = " -> ".join([*path, path[0]])
            yield block.finding(
                "HG008", keys, f"cycle {printed}", "blocks in an order", "remove one reference of the cycle"
            )


def _cycles(follows: dict[str, list[str]]) -> Iterator[list[str]]:
    """The cycles that a walk in depth closes, each as the path that it took."""
    done: set[str] = set()
    for start in follows:
        path: list[str] = []
        on_path: set[str] = set()
        stack = [] if start in done else [(start, iter(follows[start]))]
        while stack:
            name, others = stack[-1]
            if name not in on_path:
                path.append(name)
                on_path.add(name)
            other = next(others, None)
            if other is None:
                stack.pop()
                path.pop()
                on_path.discard(name)
                done.add(name)
            elif other in on_path:
                yield path[path.index(other) :]
            elif other not in done:
                stack.append((other, iter(follows[other])))


def _weakest(pipeline: Pipeline, path: list[str]) -> tuple[Block, tuple[str, str]]:
    """The reference of a cycle that only one side says, or the one that closes it."""
    edges = list(zip(path, [*path[1:], path[0]], strict=True))
    for first, second in edges:
        before, after = pipeline.graph[first], pipeline.graph[second]
        if first not in after.names("upstream"):
            return before, ("downstream_blocks", second)
        if second not in before.names("downstream"):
            return after, ("upstream_blocks", first)
    return pipeline.graph[path[0]], ("upstream_blocks", path[-1])


RULES = (references, symmetry, cycles)
