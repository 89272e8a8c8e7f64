"""Reads YAML that people write."""

from __future__ import annotations

import re
from pathlib import Path

from headgate.errors import UsageError

#: Values in values. The parser, which is written in C, has no limit, and the process dies of it.
DEEPEST = 500
_BRACKET = re.compile(r"[\[\]{}]")
_INDENTED = re.compile(rf"^[ \t?:-]{{{DEEPEST},}}", re.MULTILINE)


def yaml_files_below(folder: Path) -> list[Path]:
    """Files that dbt reads as YAML, however they end, in an order that stays."""
    return sorted(file for ending in ("yml", "yaml") for file in folder.rglob(f"*.{ending}"))


def read_yaml(file: Path) -> object:
    """What a file of YAML holds.

    Raises:
        UsageError: it cannot be read, is not UTF-8, or not YAML; the message names file and line.
    """
    # Imported here: landing processes get what was read already.
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        text = file.read_text(encoding="utf-8")
        _require_shallow(text)
        return yaml.load(text, Loader=loader)
    except OSError as error:
        found, next_step = error.strerror or type(error).__name__, "see that it is a file that can be read"
    except UnicodeDecodeError as error:
        found, next_step = f"a byte that is not UTF-8, at offset {error.start}", "save the file as UTF-8"
    except yaml.YAMLError as error:
        found, next_step = " ".join(str(error).split()), "correct the file"
    except RecursionError:
        found, next_step = "values nested too deeply", "correct the file"
    except ValueError as error:  # a date or a number that is none, such as 2026-13-01
        found, next_step = str(error), "correct the value, or put it in quotes"
    raise UsageError(str(file), expected="YAML in UTF-8", found=found, next_step=next_step)


def _require_shallow(text: str) -> None:
    depth = deepest = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    if deepest > DEEPEST or _INDENTED.search(text):
        raise RecursionError


def yaml_lines(file: Path, *, strict: bool = False) -> dict[tuple[str | int, ...], int]:
    """The line of each value of a file that `read_yaml` reads, by its keys and positions.

    Args:
        file: the file.
        strict: refuse a key that stands twice; who reads YAML sees the last of them alone.

    Raises:
        UsageError: a key does.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[tuple[str | int, ...], int] = {}

    def walk(node: yaml.Node | None, path: tuple[str | int, ...], line: int) -> None:
        found[path] = line
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if strict and (*path, key.value) in found:
                    raise UsageError(
                        f"{file}:{key.start_mark.line + 1}, {'.'.join(map(str, (*path, key.value)))}",
                        expected="each key once",
                        found=f"it also in line {found[*path, key.value]}",
                        next_step="remove one of them, or put what they say together",
                    )
                walk(value, (*path, key.value), key.start_mark.line + 1)
        elif isinstance(node, yaml.SequenceNode):
            for place, value in enumerate(node.value):
                walk(value, (*path, place), value.start_mark.line + 1)

    walk(yaml.compose(file.read_text(encoding="utf-8"), Loader=loader), (), 1)
    return found
