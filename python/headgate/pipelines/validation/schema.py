"""The shape of Mage's files, declared: which keys there are, of which kind, and what becomes of others."""

from __future__ import annotations

import datetime
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from headgate.pipelines.validation.finding import Finding
from headgate.pipelines.validation.suggestions import MISSPELT, nearest
from headgate.pipelines.validation.yaml_lines import Items, Lines, is_templated, line_of

KINDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    "text": ("a text", lambda value: isinstance(value, str)),
    "name": ("a text", lambda value: isinstance(value, str) and bool(value.strip())),
    "whole": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "truth": ("true or false", lambda value: isinstance(value, bool)),
    "mapping": ("a mapping", lambda value: isinstance(value, Lines)),
    "list": ("a list", lambda value: isinstance(value, Items)),
    "texts": (
        "a list of texts",
        lambda value: isinstance(value, Items) and all(isinstance(item, str) for item in value),
    ),
    "mappings": (
        "a list of mappings",
        lambda value: isinstance(value, Items) and all(isinstance(item, Lines) for item in value),
    ),
    "mapping of mappings": (
        "a mapping of mappings",
        lambda value: isinstance(value, Lines) and all(isinstance(item, Lines) for item in value.values()),
    ),
    "time": ("a time", lambda value: isinstance(value, datetime.date | str)),
    "any": ("anything", lambda value: True),
}
#: Kinds of which a scalar may come from a template.
_SCALARS = frozenset({"text", "name", "whole", "truth"})

#: Mage leaves unknown keys alone.
IGNORES = "ignores"
#: Mage drops the whole entry, or fails, at an unknown key.
REJECTS = "rejects"
#: The author's own keys may stand here.
OPEN = "open"


@dataclass(frozen=True)
class Key:
    """What may stand under a key."""

    kind: str = "any"
    required: bool = False
    inner: Schema | None = None


@dataclass(frozen=True)
class Schema:
    """The keys of a mapping."""

    of: str
    keys: Mapping[str, Key]
    unknown: str = IGNORES
    #: What Mage does with the entry when it rejects a key.
    effect: str = field(default="Mage fails on it")


def check(schema: Schema, mapping: Lines, path: Path, block: str = "") -> Iterator[Finding]:
    """Everything in a mapping, and in the mappings below it, that is not as declared."""
    for name, key in schema.keys.items():
        if key.required and mapping.get(name) is None:
            yield Finding(
                code="HG004",
                path=path,
                line=line_of(mapping, name),
                block=block,
                message=f"{schema.of} without {name}",
                expected=f"{name}: {KINDS[key.kind][0]}",
                mend=f"add `{name}:`",
            )
    for name, value in mapping.items():
        declared = schema.keys.get(name)
        if declared is None:
            yield from _unknown(schema, name, path, mapping.lines[name], block)
        elif value is not None:
            yield from _value(declared, name, value, path, mapping.lines[name], block)


def _value(key: Key, name: str, value: Any, path: Path, line: int, block: str) -> Iterator[Finding]:
    said, fits = KINDS[key.kind]
    if not fits(value) and not (key.kind in _SCALARS and is_templated(value)):
        yield Finding(
            code="HG004",
            path=path,
            line=line,
            block=block,
            message=f"{name} is {_kind_of(value)}",
            expected=f"{name}: {said}",
            mend=f"write {said} under `{name}:`",
        )
    elif key.inner is not None:
        inner = [value] if isinstance(value, Lines) else list(value)
        for item in inner:
            yield from check(key.inner, item, path, block)


def _unknown(schema: Schema, name: str, path: Path, line: int, block: str) -> Iterator[Finding]:
    close = nearest(name, schema.keys, MISSPELT)
    if schema.unknown == OPEN and close is None:
        return
    rejected = schema.unknown == REJECTS
    # Mage leaves an unknown key alone: another name would only do something else.
    match = nearest(name, schema.keys) if rejected else close
    if match:
        mend = f"did you mean `{match}`?"
    else:
        mend = "remove it" if rejected else "remove it, or keep it as a comment"
    yield Finding(
        code="HG015" if rejected or close else "HG009",
        path=path,
        line=line,
        block=block,
        message=f"key {name} of {schema.of}: " + (schema.effect if rejected else "Mage does not read it"),
        expected=f"a key that {schema.of} has" if len(schema.keys) > 12 else f"{', '.join(schema.keys)}",
        mend=mend,
    )


def _kind_of(value: Any) -> str:
    if isinstance(value, Lines):
        return "a mapping"
    if isinstance(value, Items):
        return "a list that holds something else" if value else "a list"
    return repr(value)
