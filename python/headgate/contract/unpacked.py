"""Finds the calls of json_fields and json_elements in a staging model's SQL, with the columns that they give.

The text is split into quoted and plain words, so that line breaks, remarks, and keys that hold brackets,
commas or quotes do not matter.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""--[^\n]*|\{\#.*?\#\}|(?P<quoted>"(?:[^"]|"")*")|(?P<text>'(?:[^'\\]|\\.|'')*')"""
    r"""|(?P<word>\w+)|(?P<mark>->>|[^\s\w])""",
    re.DOTALL,
)
_JINJA_BRACE = "{{ '{' }}"
_MACROS = frozenset({"json_fields", "json_elements"})
#: What stands around the argument of a call that counts.
_AROUND = ["(", ")", "}", "}", "as"]


@dataclass(frozen=True)
class Call:
    """One unpacking: `json_fields('of') }} as alias (columns)`."""

    macro: str
    of: str
    alias: str
    #: Names of the columns, without quotes.
    columns: tuple[str, ...]
    #: The first word of the type of each; empty where none is told.
    types: tuple[str, ...]


@dataclass(frozen=True)
class Position:
    """An element of an array by its position: `alias.element ->> 1`."""

    reference: str
    position: int


def calls(sql: str) -> list[Call]:
    """The unpackings of a model, from top to bottom."""
    tokens = _tokens(sql)
    found = []
    for at, token in enumerate(tokens):
        if token in _MACROS and [tokens[at + 1], *tokens[at + 3 : at + 7]] == _AROUND:
            entries = list(_entries(tokens, at + 8))
            columns = tuple(unquoted(name) for name, _ in entries)
            types = tuple(kind for _, kind in entries)
            found.append(Call(token, _argument(tokens[at + 2]), tokens[at + 7], columns, types))
    return found


def positions(sql: str) -> list[Position]:
    """The elements that a model takes by their position."""
    tokens = _tokens(sql)
    return [
        Position(f"{tokens[at - 3]}.{unquoted(tokens[at - 1])}", int(tokens[at + 1]))
        for at, token in enumerate(tokens)
        if token == "->>" and tokens[at + 1].isdecimal() and at >= 3 and tokens[at - 2] == "."
    ]


def casts(sql: str, alias: str, column: str) -> list[str]:
    """What each use of `alias.column` is cast to, in lower case; empty where it is used as it is."""
    tokens = _tokens(sql)
    found = []
    for at, token in enumerate(tokens):
        if token == alias and tokens[at + 1] == "." and unquoted(tokens[at + 2]) == column:
            behind = tokens[at + 3 : at + 6]
            is_called = [word.lower() for word in tokens[at - 2 : at]] == ["cast", "("]
            if behind[:2] == [":", ":"]:
                found.append(behind[2].lower())
            elif is_called and behind[0].lower() == "as":
                found.append(behind[1].lower())
            else:
                found.append("")
    return found


def unquoted(name: str) -> str:
    """An SQL name without its quotes."""
    return name[1:-1].replace('""', '"') if name.startswith('"') else name


def reference_parts(reference: str) -> tuple[str, str]:
    """Alias and column of `alias.column`, the column without its quotes."""
    alias, _, column = reference.partition(".")
    return alias, unquoted(column)


def _tokens(sql: str) -> list[str]:
    found = _TOKEN.finditer(sql.replace(_JINJA_BRACE, "{"))
    words = [match[0] for match in found if match.lastgroup]
    # So that a look ahead needs no care.
    return [*words, *[""] * len(_AROUND) * 2]


def _argument(literal: str) -> str:
    """What a Jinja string literal says."""
    # As Jinja does it.
    return literal[1:-1].encode("ascii", "backslashreplace").decode("unicode-escape")


def _entries(tokens: list[str], at: int) -> Iterator[tuple[str, str]]:
    """The first two words of each entry of a list in brackets, which begins at `at`: name and type."""
    depth, expected = 0, True
    for place, token in enumerate(tokens[at:], at):
        if token in "()":
            depth += 1 if token == "(" else -1
            if depth == 0:
                return
        elif token == "," and depth == 1:
            expected = True
        elif expected:
            following = tokens[place + 1]
            yield token, "" if following in ",)" else following.lower()
            expected = False
