"""Rules on streaming pipelines: what Mage's executor of them demands, and what it never runs."""

from __future__ import annotations

from collections.abc import Iterator

from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.pipeline import Block, Pipeline
from headgate.pipelines.validation.suggestions import change_to, one_of
from headgate.pipelines.validation.yaml_lines import Lines, is_templated, line_of

RUNS = frozenset({"data_loader", "transformer", "data_exporter"})
#: Blocks for people: nothing is expected to run them.
SILENT = frozenset({"markdown", "scratchpad", "chart"})


def streaming(pipeline: Pipeline) -> Iterator[Finding]:
    """HG040 to HG044: one source, sinks as leaves, one upstream block each, connectors that Mage has."""
    if pipeline.type != "streaming":
        return
    blocks = list(pipeline.graph.values())
    yield from _sources(pipeline, [block for block in blocks if block.type == "data_loader"])
    for block in blocks:
        if block.type in RUNS:
            yield from _ends(pipeline, block)
            yield from _upstream(pipeline, block)
            yield from _connector(pipeline, block)
        elif block.type not in SILENT:
            message = f"a {block.type} block in a streaming pipeline"
            mend = "move it to a batch pipeline"
            yield block.finding("HG044", ("type",), message, one_of(RUNS), mend)


def _sources(pipeline: Pipeline, sources: list[Block]) -> Iterator[Finding]:
    expected = "exactly one data_loader, as the source"
    if not sources:
        yield pipeline.finding("HG040", ("blocks",), "no source", expected, "add a data_loader")
    for block in sources[1:]:
        mend = "give it a pipeline of its own"
        yield block.finding("HG040", ("type",), f"a source beside {sources[0].uuid}", expected, mend)


def _ends(pipeline: Pipeline, block: Block) -> Iterator[Finding]:
    # The streaming executor passes messages on by `downstream_blocks`, not by `upstream_blocks`.
    follows = [name for name in block.names("downstream") if name in pipeline.graph]
    if block.type == "data_exporter" and follows:
        expected = "a sink to be a leaf: Mage refuses to start the pipeline"
        yield block.finding(
            "HG041",
            ("downstream_blocks",),
            "a sink with blocks after it",
            expected,
            "let them follow its upstream block",
        )
    elif block.type != "data_exporter" and not follows:
        message = f"a {block.type} with nothing after it: its messages go nowhere"
        yield block.finding(
            "HG041", ("uuid",), message, "a data_exporter as the last block", "add a data_exporter after it"
        )


def _upstream(pipeline: Pipeline, block: Block) -> Iterator[Finding]:
    count = len(pipeline.upstream(block))
    wanted = 0 if block.type == "data_loader" else 1
    if count != wanted:
        message = f"a {block.type} with {count} upstream blocks"
        mend = "leave one" if wanted else "remove them"
        yield block.finding(
            "HG042", ("upstream_blocks",), message, f"exactly {wanted}", mend if count else "add one"
        )


def _connector(pipeline: Pipeline, block: Block) -> Iterator[Finding]:
    if block.type == "transformer" or block.language != "yaml" or not block.needs_file:
        return
    if not pipeline.project.is_file(block.file):
        return
    document = pipeline.project.document(block.file, templated=True)
    if document is None:
        return
    lists = pipeline.project.lists
    known = lists.stream_sources if block.type == "data_loader" else lists.stream_sinks
    data = document.value if isinstance(document.value, Lines) else Lines()
    found = data.get("connector_type")
    if found not in known and not is_templated(found):
        message = f"connector_type {found}" if found else "no connector_type"
        line = line_of(data, "connector_type")
        yield block.file_finding("HG043", line, message, one_of(known), change_to(found, known))


RULES = (streaming,)
