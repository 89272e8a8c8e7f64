"""Rules on single blocks: type, language and executor, the file, and the code in it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from headgate.pipelines import mage_facts
from headgate.pipelines.project import Block, Finding, Pipeline, read_mapping

LONGEST_BLOCK = 40
SELECTOR = re.compile(r"--selector[= ]+(\S+)")


def hg010_known_values(pipeline: Pipeline) -> Iterator[Finding]:
    """Type, language and executor are ones that Mage has and that do not crash it."""
    for block in pipeline.all_blocks:
        for key, known in (
            ("type", mage_facts.BLOCK_TYPES),
            ("language", frozenset(mage_facts.LANGUAGES)),
            ("executor_type", mage_facts.EXECUTORS),
        ):
            found = block.data.get(key)
            if found not in known and (found is not None or key == "type"):
                crash = ": it crashes Mage" if found in mage_facts.CRASHING_BLOCK_TYPES else ""
                text = (
                    f"block {block.uuid}: {key} {found!r}{crash}; expected one of {', '.join(sorted(known))}"
                )
                yield Finding("HG010", pipeline.metadata_file, text)


def hg011_files(pipeline: Pipeline) -> Iterator[Finding]:
    """Every block has its file, of at most 40 lines: logic belongs into the package."""
    for block in _with_file_expected(pipeline):
        if not block.file.is_file():
            yield Finding("HG011", block.file, f"block {block.uuid} of {pipeline.folder.name} has no file")
        elif (lines := len(block.file.read_text(encoding="utf-8").splitlines())) > LONGEST_BLOCK:
            yield Finding("HG011", block.file, f"{lines} lines: expected at most {LONGEST_BLOCK}")


def hg012_decorator(pipeline: Pipeline) -> Iterator[Finding]:
    """A Python block parses and has one function under its type's decorator."""
    for block in _python(pipeline):
        wanted = mage_facts.DECORATORS[block.type]
        try:
            found = _decorated(block, wanted)
        except SyntaxError as error:
            yield Finding("HG012", block.file, f"not Python: {error.msg} in line {error.lineno}")
            continue
        if not found:
            yield Finding("HG012", block.file, f"no function under @{' or @'.join(wanted)}")


def hg013_signature(pipeline: Pipeline) -> Iterator[Finding]:
    """A block's function takes **kwargs and as many arguments as it has upstream blocks.

    Mage calls a sensor without **kwargs with nothing at all, and counts every other named parameter, even a
    keyword-only one, as an upstream block.
    """
    for block in _python(pipeline):
        if block.type == "callback":
            continue
        for function in _decorated_if_valid(block):
            arguments = function.args
            named = len(arguments.posonlyargs) + len(arguments.args) + len(arguments.kwonlyargs)
            upstream = len(block.names("upstream"))
            if arguments.kwarg is None:
                yield Finding("HG013", block.file, f"{function.name} takes no **kwargs")
            if named > upstream or (named < upstream and arguments.vararg is None):
                text = f"{function.name} names {named} parameters, for {upstream} upstream blocks"
                yield Finding("HG013", block.file, text)


def hg014_dbt(pipeline: Pipeline) -> Iterator[Finding]:
    """A dbt YAML block says its command (Mage's default runs no gate) and is named after its selector."""
    for block in pipeline.blocks.values():
        if block.type != "dbt" or block.language != "yaml" or not block.file.is_file():
            continue
        command = ((block.data.get("configuration") or {}).get("dbt") or {}).get("command")
        if command not in mage_facts.DBT_COMMANDS:
            text = (
                f"block {block.uuid}: dbt command {command!r}: expected build; without one Mage runs no gate"
            )
            yield Finding("HG014", pipeline.metadata_file, text)
        named = SELECTOR.search(block.file.read_text(encoding="utf-8"))
        if named is None:
            continue
        if named[1] != block.file.stem:
            yield Finding(
                "HG014", block.file, f"selector {named[1]}: expected {block.file.stem}, the block's name"
            )
        if (selectors := _selectors(pipeline)) is not None and named[1] not in selectors:
            yield Finding("HG014", block.file, f"selector {named[1]} is not in selectors.yml")


def _with_file_expected(pipeline: Pipeline) -> list[Block]:
    known = mage_facts.BLOCK_TYPES - {"global_data_product"}
    return [block for block in pipeline.all_blocks if block.type in known and not block.data.get("content")]


def _python(pipeline: Pipeline) -> list[Block]:
    return [
        block
        for block in _with_file_expected(pipeline)
        if block.language == "python" and block.type in mage_facts.DECORATORS and block.file.is_file()
    ]


def _decorated(block: Block, wanted: tuple[str, ...]) -> list[ast.FunctionDef]:
    tree = ast.parse(block.file.read_text(encoding="utf-8"))
    return [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef)
        and any(_name(decorator) in wanted for decorator in node.decorator_list)
    ]


def _decorated_if_valid(block: Block) -> list[ast.FunctionDef]:
    try:
        return _decorated(block, mage_facts.DECORATORS[block.type])
    except SyntaxError:
        return []


def _name(decorator: ast.expr) -> str:
    called = decorator.func if isinstance(decorator, ast.Call) else decorator
    return called.id if isinstance(called, ast.Name) else ""


def _selectors(pipeline: Pipeline) -> set[str] | None:
    """Names in the dbt project's selectors.yml; None where there is no such file."""
    file = pipeline.project.parent / "selectors.yml"
    if not file.is_file():
        return None
    return {str(entry.get("name")) for entry in read_mapping(file).get("selectors") or []}


RULES = (hg010_known_values, hg011_files, hg012_decorator, hg013_signature, hg014_dbt)
