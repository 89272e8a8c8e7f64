"""Rules on block files: where they are, and what a Python block must look like for Mage to run it."""

from __future__ import annotations

import ast
import os
from collections.abc import Iterator
from pathlib import Path

from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.pipeline import Block, Pipeline
from headgate.pipelines.validation.python_file import Decorated, PythonFile
from headgate.pipelines.validation.suggestions import change_to, nearest, one_of
from headgate.pipelines.validation.yaml_lines import is_templated
from headgate.report import number_of

INTEGRATION = ("data_integration_source", "data_integration_destination")
#: Decorators of a block type, in a batch pipeline.
DECORATORS = {
    "callback": ("callback", "on_success", "on_failure"),
    "conditional": ("condition",),
    "custom": ("custom",),
    "data_exporter": ("data_exporter", "data_integration_destination"),
    "data_loader": ("data_loader", "data_integration_source"),
    "extension": ("extension",),
    "sensor": ("sensor",),
    "transformer": ("transformer",),
}
#: Of a class, in a streaming pipeline.
STREAMING = {"data_loader": "streaming_source", "data_exporter": "streaming_sink"}
#: Mage runs every function of these, and only the first one of others.
SEVERAL = frozenset({"callback", "conditional"})
#: Mage calls these with its variables, whether they take them or not.
ALWAYS_KWARGS = {
    "callback": "Mage always passes its variables",
    "conditional": "Mage always passes its variables",
    "sensor": "Mage calls a sensor without it with no arguments at all",
}


def files(pipeline: Pipeline) -> Iterator[Finding]:
    """HG011: every block has its file where Mage looks."""
    for block in pipeline.blocks:
        if (
            block.needs_file
            and not is_templated(str(block.file))
            and not pipeline.project.is_file(block.file)
        ):
            looked = os.path.relpath(block.file, pipeline.project.folder)
            elsewhere = _elsewhere(block, pipeline)
            mend = (
                f"move {elsewhere} there, or correct uuid, type or language"
                if elsewhere
                else f"write {looked}"
            )
            yield block.finding("HG011", ("uuid",), f"no file {looked}", "the block's file there", mend)


def _elsewhere(block: Block, pipeline: Pipeline) -> str | None:
    """A file that may be meant: the same name in another folder, or a name that is alike in this one."""
    folder, stem = pipeline.project.folder, block.uuid
    for candidate in sorted(folder.glob(f"*/{stem}.*")) if "*" not in stem else []:
        if candidate.is_file() and not candidate.name.startswith("."):
            return os.path.relpath(candidate, folder)
    if block.file.parent.is_dir():
        match = nearest(block.file.name, (entry.name for entry in block.file.parent.iterdir()))
        return os.path.relpath(block.file.with_name(match), folder) if match else None
    return None


def decorators(pipeline: Pipeline) -> Iterator[Finding]:
    """HG012, HG028: a Python block parses and has one function under its type's decorator."""
    for block, python in _python(pipeline):
        wanted = _wanted(block)
        if python.error is not None:
            line = python.error.lineno or 1
            yield block.file_finding(
                "HG012", line, f"not Python: {python.error.msg}", "a file that parses", "correct this line"
            )
            continue
        found = python.under(*wanted)
        if not found:
            yield _undecorated(block, python, wanted)
        elif len({definition.line for definition in found}) > 1 and block.type not in SEVERAL:
            second = found[1]
            yield block.file_finding(
                "HG012",
                second.line,
                f"{second.name} is a second function under @{second.decorator}",
                "exactly one: Mage runs the first and leaves the others",
                "move it to a block of its own, or remove its decorator",
            )
        yield from _overwritten(block, python)


def _undecorated(block: Block, python: PythonFile, wanted: tuple[str, ...]) -> Finding:
    names = " or ".join(f"@{name}" for name in wanted)
    other = next((found for found in python.decorated if found.decorator in _ALL), None)
    message = f"{other.name} is under @{other.decorator}" if other else f"nothing is under {names}"
    thing = "class" if wanted[0] in STREAMING.values() else "function"
    mend = f"put @{wanted[0]} over the {thing} that Mage shall run"
    return block.file_finding(
        "HG012", other.line if other else 1, message, f"one {thing} under {names}", mend
    )


_ALL = frozenset(name for names in DECORATORS.values() for name in names) | frozenset(STREAMING.values())


def _overwritten(block: Block, python: PythonFile) -> Iterator[Finding]:
    used = {found.decorator for found in python.decorated}
    for name, line in python.overwritten:
        if name in used:
            yield block.file_finding(
                "HG028",
                line,
                f"{name} is imported over the decorator that Mage injects: the block then has no function",
                "the import only where Mage did not inject it",
                f"put it under `if '{name}' not in globals():`",
            )


def callback_statuses(pipeline: Pipeline) -> Iterator[Finding]:
    """HG029: a callback is for a status that Mage has; Mage fails when it reads another one."""
    known = pipeline.project.lists.callback_statuses
    for block, python in _python(pipeline):
        for found in python.under("callback") if block.type == "callback" else ():
            if found.argument is not None and found.argument not in known:
                message = f"@callback('{found.argument}')"
                mend = change_to(found.argument, known)
                yield block.file_finding("HG029", found.line, message, one_of(known), mend)


def signatures(pipeline: Pipeline) -> Iterator[Finding]:
    """HG013: a block's function takes what Mage calls it with.

    Mage counts every named parameter, even a keyword-only one or one with a default, as an upstream block.
    """
    for block, python in _python(pipeline):
        for found in python.under(*_wanted(block)):
            if isinstance(found.node, ast.ClassDef) or found.decorator in INTEGRATION:
                continue
            if isinstance(found.node, ast.AsyncFunctionDef):
                yield _signature(
                    block, found, "is async", "a plain function: Mage never awaits it", "remove `async`"
                )
            if found.node.args.kwarg is None and block.type in ALWAYS_KWARGS:
                expected = f"**kwargs: {ALWAYS_KWARGS[block.type]}"
                yield _signature(block, found, "takes no **kwargs", expected, "add `**kwargs`")
            if block.type not in {"callback", "conditional", "extension"}:
                yield from _arguments(block, found, found.node.args)


def _arguments(block: Block, found: Decorated, arguments: ast.arguments) -> Iterator[Finding]:
    upstream = block.pipeline.upstream(block)
    if any(other.configuration.get(key) for other in upstream for key in ("dynamic", "reduce_output")):
        return  # What a dynamic block hands on is known only when it runs.
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    count = len(upstream)
    blocks = number_of(count, "upstream block")
    if len(named) > count:
        extra = ", ".join(argument.arg for argument in named[count:])
        yield _signature(
            block,
            found,
            f"names {len(named)} parameters, for {blocks}",
            f"at most {count}: Mage counts every named parameter as an upstream block",
            f"read {extra} from **kwargs, or add the upstream blocks",
        )
    elif len(named) < count and arguments.vararg is None:
        names = ", ".join(other.uuid for other in upstream)
        yield _signature(
            block,
            found,
            f"names {len(named)} parameters, for {blocks} ({names})",
            f"{count} parameters, or *args",
            "add `*args`, or the missing parameters",
        )


def _signature(block: Block, found: Decorated, message: str, expected: str, mend: str) -> Finding:
    return block.file_finding("HG013", found.line, f"{found.name} {message}", expected, mend)


def imports(pipeline: Pipeline) -> Iterator[Finding]:
    """HG018: reading a block's file does nothing: Mage reads it anew for every run and every look at it."""
    for block, python in _python(pipeline):
        for line, what in python.work_at_import:
            yield block.file_finding(
                "HG018",
                line,
                f"{what} at import",
                "work inside of the block's function",
                "move it into the function",
            )


def sensors(pipeline: Pipeline) -> Iterator[Finding]:
    """HG019: a sensor ends: without a timeout on block or trigger Mage asks it once a minute for ever."""
    settings = [trigger.get("settings") for trigger in pipeline.triggers]
    if settings and all(isinstance(given, dict) and given.get("timeout") for given in settings):
        return
    for block in pipeline.graph.values():
        if block.type == "sensor" and not block.data.get("timeout"):
            keys = ("timeout",) if "timeout" in block.data else ("uuid",)
            yield block.finding(
                "HG019",
                keys,
                "sensor without a timeout",
                "`timeout:` in seconds on the block, or in the settings of every trigger",
                "add `timeout: 3600`",
            )


def _wanted(block: Block) -> tuple[str, ...]:
    if block.pipeline.type == "streaming" and block.type in STREAMING:
        return (STREAMING[block.type],)
    return DECORATORS[block.type]


def _python(pipeline: Pipeline) -> Iterator[tuple[Block, PythonFile]]:
    """The blocks whose Python Mage runs, each file once for each pipeline."""
    seen: set[Path] = set()
    for block in pipeline.blocks:
        if block.type not in DECORATORS or (python := block.python) is None:
            continue
        if block.file not in seen or block.data.get("replicated_block"):
            seen.add(block.file)
            yield block, python


RULES = (files, decorators, callback_statuses, signatures, imports, sensors)
