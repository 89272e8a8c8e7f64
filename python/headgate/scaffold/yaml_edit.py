"""Adds to a YAML file and leaves the rest of it as it stands, comments too: PyYAML itself would drop them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import yaml


@dataclass(frozen=True)
class YamlText:
    """The text of a YAML file whose top is a mapping."""

    text: str

    def with_entry(self, key: str, entry: str) -> YamlText:
        """The file with an entry (the text of one list item, unindented) at the end of the list `key`."""
        found = self._value(self._root(), key)
        if found is None:
            return YamlText(f"{self.text.rstrip()}\n{key}:\n{entry}")
        if not isinstance(found, yaml.SequenceNode) or found.flow_style or not found.value:
            return self._replaced(found, f"\n{entry.rstrip()}")
        return self._lines_after(found, entry.rstrip())

    def with_names(self, lists: Sequence[str], uuid: str, key: str, names: Iterable[str]) -> YamlText:
        """The file with the list `key` of block `uuid`, which stands in one of `lists`, set to `names`."""
        written = f"[{', '.join(names)}]"
        for mapping in self._blocks(lists, uuid):
            found = self._value(mapping, key)
            if found is not None:
                return self._replaced(found, written)
            start, end = mapping.start_mark.column, self._line_end(_last(mapping).end_mark.index)
            return YamlText(f"{self.text[:end]}{' ' * start}{key}: {written}\n{self.text[end:]}")
        return self

    def with_item(self, path: tuple[str, str], item: str) -> YamlText:
        """The file with a name in a list that stands two keys deep; keys that are not there are added."""
        top, key = path
        mapping = self._value(self._root(), top)
        listed = self._value(mapping, key)
        new = f"{key}: [{item}]"
        if isinstance(listed, yaml.SequenceNode):
            names = [node.value for node in listed.value]
            if item in names:
                return self
            if listed.flow_style or not names:
                return self._replaced(listed, f"[{', '.join([*names, item])}]")
            return self._lines_after(listed, f"- {item}")
        if listed is not None:
            return self._replaced(listed, f" [{item}]")
        if mapping is None:
            return YamlText(f"{self.text.rstrip()}\n\n{top}:\n  {new}\n")
        if not isinstance(mapping, yaml.MappingNode):
            return self._replaced(mapping, f"\n  {new}")
        if mapping.flow_style:
            end = mapping.end_mark.index - 1
            return YamlText(f"{self.text[:end]}{', ' if mapping.value else ''}{new}{self.text[end:]}")
        return self._lines_after(mapping, new)

    def without_item(self, path: tuple[str, str], item: str) -> YamlText:
        """The file without a name in a list that stands two keys deep, if it is there."""
        top, key = path
        listed = self._value(self._value(self._root(), top), key)
        if not isinstance(listed, yaml.SequenceNode):
            return self
        names = [node.value for node in listed.value]
        if item not in names:
            return self
        place = names.index(item)
        if listed.flow_style or len(names) == 1:
            return self._replaced(listed, f"[{', '.join(names[:place] + names[place + 1 :])}]")
        start = self.text.rfind("\n", 0, listed.value[place].start_mark.index) + 1
        return YamlText(self.text[:start] + self.text[self._line_end(start) :])

    def with_setting(self, key: str, name: str, value: str) -> YamlText:
        """The file with `name` of the mapping `key` set to a value."""
        root = self._root()
        found = self._value(root, key)
        if not isinstance(found, yaml.MappingNode) or not found.value:
            setting = f"\n  {name}: {value}"
            if found is not None:
                return self._replaced(found, setting)
            return YamlText(f"{self.text.rstrip()}\n\n{key}:{setting}\n".lstrip())
        if (standing := self._value(found, name)) is not None:
            return self._replaced(standing, value)
        if found.flow_style:
            start = found.start_mark.index + 1
            return YamlText(f"{self.text[:start]}{name}: {value}, {self.text[start:]}")
        # Before comments on what comes first.
        assert root is not None
        above = next(named.end_mark.index for named, _ in root.value if named.value == key)
        start = self._line_end(above)
        indent = " " * found.start_mark.column
        return YamlText(f"{self.text[:start]}{indent}{name}: {value}\n{self.text[start:]}")

    def _lines_after(self, node: yaml.Node, lines: str) -> YamlText:
        """The file with lines behind a block list or mapping, in line with what that holds."""
        indent = " " * node.start_mark.column
        end = self._line_end(_last(node).end_mark.index)
        added = "".join(f"{indent}{line}\n" for line in lines.splitlines())
        before = self.text[:end] if self.text[:end].endswith("\n") else f"{self.text[:end]}\n"
        return YamlText(f"{before}{added}{self.text[end:]}")

    def _blocks(self, lists: Sequence[str], uuid: str) -> Iterable[yaml.MappingNode]:
        for name in lists:
            listed = self._value(self._root(), name)
            for item in listed.value if isinstance(listed, yaml.SequenceNode) else ():
                named = self._value(item, "uuid") if isinstance(item, yaml.MappingNode) else None
                if isinstance(named, yaml.ScalarNode) and named.value == uuid:
                    yield item

    def _root(self) -> yaml.Node | None:
        found: yaml.Node | None = yaml.compose(self.text, Loader=yaml.SafeLoader)
        return found

    def _value(self, mapping: yaml.Node | None, key: str) -> yaml.Node | None:
        pairs = mapping.value if isinstance(mapping, yaml.MappingNode) else ()
        return next((value for name, value in pairs if name.value == key), None)

    def _replaced(self, node: yaml.Node, text: str) -> YamlText:
        """The file with other text for a node; a list over several lines becomes one in brackets."""
        start = node.start_mark.index
        end = _last(node).end_mark.index
        if isinstance(node, yaml.SequenceNode) and not node.flow_style:
            # A block list begins on a line of its own, below its key.
            start = len(self.text[:start].rstrip())
            text = f" {text}" if not text.startswith("\n") else text
        before = self.text[:start].rstrip(" ") if text.startswith("\n") else self.text[:start]
        return YamlText(f"{before}{text}{self.text[end:]}")

    def _line_end(self, index: int) -> int:
        found = self.text.find("\n", index)
        return len(self.text) if found < 0 else found + 1


def _last(node: yaml.Node) -> yaml.Node:
    """What a node ends with: a block mapping's or list's own end lies after the comments that follow it."""
    if isinstance(node, yaml.MappingNode) and not node.flow_style and node.value:
        return _last(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and not node.flow_style and node.value:
        return _last(node.value[-1])
    return node
