"""Masks personal data in lines that are not JSON, so that keeping them leaks nothing.

Such a line has no paths. What can be found without them is replaced: string values of a personal key inside
its parent key, every string of an array that holds personal data by position, e-mail addresses anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from headgate.contract import PathRule

# Possessive (*+, ++), so that a string of megabytes costs neither memory nor time.
_STRING = rb'"((?:[^"\\]++|\\.)*+)("|$)'
_ADDRESS = re.compile(
    rb"(?<![A-Za-z0-9._%+\-])[A-Za-z0-9._%+\-]++@[A-Za-z0-9](?:[A-Za-z0-9.\-]{0,252}[A-Za-z0-9])?"
)


class Mask:
    """Calls on a line give the masked line."""

    def __init__(self, rules: Sequence[PathRule], digest: Callable[[str], str]) -> None:
        self._digest = digest
        self._active = bool(rules)
        by_parent: dict[str, set[str]] = {}
        arrays: set[str] = set()
        for rule in rules:
            keys = [step for step in rule.steps if isinstance(step, str)]
            if isinstance(rule.steps[-1], str):
                by_parent.setdefault(keys[-2] if len(keys) > 1 else "", set()).add(keys[-1])
            else:
                arrays.add(keys[-1])
        # (where personal data can be, what of it is personal)
        self._regions = [(_object_region(parent), _values_of(keys)) for parent, keys in by_parent.items()]
        self._regions += [
            (_array_region(key), re.compile(b"()" + _STRING, re.DOTALL)) for key in sorted(arrays)
        ]

    def __call__(self, line: bytes) -> bytes:
        """The line with what looks like personal data replaced by its HMAC."""
        if not self._active:
            return line
        for region, personal in self._regions:
            line = region.sub(lambda found, personal=personal: self._within(found, personal), line)  # type: ignore[misc]
        return _ADDRESS.sub(lambda found: self._stand_in(found[0]), line)

    def _within(self, found: re.Match[bytes], personal: re.Pattern[bytes]) -> bytes:
        return personal.sub(lambda value: value[1] + b'"' + self._stand_in(value[2]) + value[3], found[0])

    def _stand_in(self, value: bytes) -> bytes:
        return self._digest(value.decode("utf-8", "replace")).encode()


def _object_region(parent: str) -> re.Pattern[bytes]:
    if not parent:
        return re.compile(rb".*", re.DOTALL)
    return re.compile(_key(parent) + rb"\{[^{}]*", re.DOTALL)


def _array_region(key: str) -> re.Pattern[bytes]:
    return re.compile(_key(key) + rb"\[.*?(?:\]\s*\]|$)", re.DOTALL)


def _values_of(keys: set[str]) -> re.Pattern[bytes]:
    names = b"|".join(re.escape(key.encode()) for key in sorted(keys))
    return re.compile(rb'("(?:' + names + rb')"\s*:\s*)' + _STRING, re.DOTALL)


def _key(name: str) -> bytes:
    return b'"' + re.escape(name.encode()) + rb'"\s*:\s*'
