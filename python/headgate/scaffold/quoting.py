"""Writes values into generated files: one function for each language that they are in.

What a sample holds may mean something in YAML, SQL or Jinja; what goes through these functions means itself.
dbt fills in Jinja in SQL and in YAML, descriptions too, so that text for dbt goes through `for_dbt` as well.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

import yaml

#: A brace that would open Jinja; of three in a row, two would.
_OPENING = re.compile(r"\{(?=[{%#])")
_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def yaml_value(value: Any) -> str:
    """A scalar, a list or a mapping on one line of YAML, which PyYAML reads back as it is."""
    if isinstance(value, str):
        return _yaml_text(value)
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(yaml_value, value))}]"
    if isinstance(value, dict):
        return f"{{{', '.join(f'{yaml_value(key)}: {yaml_value(item)}' for key, item in value.items())}}}"
    return json.dumps(value)


def for_dbt(text: str) -> str:
    """A text that is the same after dbt has filled Jinja in."""
    return _OPENING.sub("{{ '{' }}", text)


def jinja_text(text: str) -> str:
    """A string literal of Jinja."""
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    return "'" + "".join(mark if mark.isprintable() else _escaped(mark) for mark in quoted) + "'"


def sql_text(text: str) -> str:
    """A string literal of SQL."""
    return "'" + text.replace("'", "''") + "'"


def sql_name(name: str) -> str:
    """A name of SQL in quotes."""
    return '"' + name.replace('"', '""') + '"'


def json_text(value: Any) -> str:
    """A value as JSON in ASCII, without anything that dbt takes for Jinja."""
    return _STRING.sub(lambda found: found[0].replace("{", "\\u007b"), json.dumps(value))


@cache
def _yaml_text(text: str) -> str:
    """Bare where YAML reads it as this text, else in quotes, on one line."""
    # In a list, so that marks of flow style count.
    listed = yaml.safe_dump([text], default_flow_style=True, width=float("inf"), allow_unicode=True)
    bare = str(listed).rstrip("\n")[1:-1]
    if bare == text:
        return text
    if '"' in text and "'" not in text and text.isprintable():
        return f"'{text}'"
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(mark if mark.isprintable() else _escaped(mark) for mark in quoted)


def _escaped(mark: str) -> str:
    """A character as YAML escapes it in double quotes, and Jinja in its strings."""
    return f"\\u{ord(mark):04x}" if ord(mark) < 0x10000 else f"\\U{ord(mark):08x}"
