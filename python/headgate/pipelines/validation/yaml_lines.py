"""YAML with line numbers: mappings and lists that remember where each key and item stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, ClassVar

import yaml

#: The C parser is ten times as fast; PyYAML may be built without it.
_Parser: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_STRING = "tag:yaml.org,2002:str"
_NULL = "tag:yaml.org,2002:null"
_BOOL = "tag:yaml.org,2002:bool"
_MERGE = "tag:yaml.org,2002:merge"
_TRUE = frozenset({"yes", "true", "on"})
_DEEPEST = 100
#: What Jinja renders before YAML is read is replaced by this.
TEMPLATED = "__templated__"
_EXPRESSION = re.compile(r"\{\{.*?\}\}", re.DOTALL)
_STATEMENT = re.compile(r"\{%.*?%\}|\{#.*?#\}", re.DOTALL)


class _Loader(_Parser):  # type: ignore[misc]
    """Remembers what each plain scalar is: PyYAML finds out by regular expressions, anew each time."""

    _tags: ClassVar[dict[tuple[str, Any], str]] = {}

    def resolve(self, kind: type[yaml.Node], value: Any, implicit: Any) -> str:
        """The tag of a node without one."""
        if kind is not yaml.ScalarNode:
            return str(super().resolve(kind, value, implicit))
        tag = self._tags.get((value, implicit))
        if tag is None:
            tag = self._tags[value, implicit] = str(super().resolve(kind, value, implicit))
        return tag


class Lines(dict[str, Any]):
    """A mapping of YAML. `lines` holds the line of each key, `line` where it begins."""

    __slots__ = ("duplicates", "line", "lines")

    def __init__(self, line: int = 1) -> None:
        super().__init__()
        self.line = line
        self.lines: dict[str, int] = {}
        #: Keys that stand more than once, with the line of the later one.
        self.duplicates: list[tuple[str, int]] = []


class Items(list[Any]):
    """A list of YAML. `lines` holds the line of each item."""

    __slots__ = ("line", "lines")

    def __init__(self, line: int = 1) -> None:
        super().__init__()
        self.line = line
        self.lines: list[int] = []


class YamlError(ValueError):
    """A file that is not YAML, with the line at which that shows."""

    def __init__(self, problem: str, line: int) -> None:
        super().__init__(problem)
        self.line = line


class _Builder:
    """Turns PyYAML's nodes into values; runs no constructor but those of plain scalars."""

    def __init__(self) -> None:
        self.scalars = yaml.constructor.SafeConstructor()
        self.mappings: list[Lines] = []

    def build(self, node: yaml.Node, depth: int = 0) -> Any:
        if depth > _DEEPEST:
            raise YamlError("nested too deeply, or an alias that holds itself", node.start_mark.line + 1)
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        if isinstance(node, yaml.SequenceNode):
            items = Items(node.start_mark.line + 1)
            for child in node.value:
                items.append(self.build(child, depth + 1))
                items.lines.append(child.start_mark.line + 1)
            return items
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, depth)
        raise YamlError(f"tag {node.tag} is not plain YAML", node.start_mark.line + 1)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag == _STRING:
            return node.value
        if node.tag == _NULL:
            return None
        if node.tag == _BOOL:
            return node.value.lower() in _TRUE
        try:
            return self.scalars.construct_object(node)
        except (ValueError, yaml.YAMLError) as error:
            text = getattr(error, "problem", None) or str(error)
            raise YamlError(f"{node.value!r}: {text}", node.start_mark.line + 1) from error

    def _mapping(self, node: yaml.MappingNode, depth: int) -> Lines:
        mapping = Lines(node.start_mark.line + 1)
        if any(key.tag == _MERGE for key, _ in node.value):
            self.scalars.flatten_mapping(node)
            merged = True
        else:
            merged = False
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, yaml.ScalarNode):
                raise YamlError("a key that is no text; quote what stands in braces", line)
            key = key_node.value
            if key in mapping.lines and not merged:
                mapping.duplicates.append((key, line))
            mapping[key] = self.build(value_node, depth + 1)
            mapping.lines[key] = line
        if mapping.duplicates:
            self.mappings.append(mapping)
        return mapping


class Document:
    """A YAML file: its value, and the mappings in which a key stands twice."""

    def __init__(self, path: Path, text: str, *, templated: bool = False) -> None:
        """Parses `text`.

        Args:
            path: Where it stands.
            text: The file's text.
            templated: Whether Mage renders it with Jinja before it reads it.

        Raises:
            YamlError: It is not YAML.
        """
        self.path = path
        self.text = text
        builder = _Builder()
        try:
            node = yaml.compose(without_jinja(text) if templated else text, Loader=_Loader)
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            problem = ", ".join(part for part in (error.context, error.problem) if part)
            raise YamlError(problem, mark.line + 1 if mark else 1) from error
        except yaml.YAMLError as error:
            raise YamlError(" ".join(str(error).split()), 1) from error
        self.value: Any = None if node is None else builder.build(node)
        self.with_duplicates = builder.mappings


def without_jinja(text: str) -> str:
    """The text with its Jinja replaced, every line where it was."""
    if "{{" not in text and "{%" not in text and "{#" not in text:
        return text
    text = _STATEMENT.sub(lambda found: "\n" * found[0].count("\n"), text)
    return _EXPRESSION.sub(lambda found: TEMPLATED + "\n" * found[0].count("\n"), text)


def is_templated(value: Any) -> bool:
    """Whether a value is known only when Mage renders it."""
    return isinstance(value, str) and (TEMPLATED in value or "{{" in value or "{%" in value)


def line_of(container: Any, *keys: Any) -> int:
    """The line of what lies under `keys`, or of the deepest that exists; items also by their value."""
    line = int(getattr(container, "line", 1))
    for key in keys:
        if isinstance(container, Lines) and key in container.lines:
            line, container = container.lines[key], container[key]
        elif isinstance(container, Items) and (position := _position(container, key)) is not None:
            line, container = container.lines[position], container[position]
        else:
            break
    return line


def _position(items: Items, key: Any) -> int | None:
    if isinstance(key, int):
        return key if key < len(items) else None
    return items.index(key) if key in items else None
