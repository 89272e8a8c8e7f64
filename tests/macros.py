"""The project's macros without dbt: rendered as text, for tests that run what comes out."""

from __future__ import annotations

import json
import re
from functools import cache
from types import SimpleNamespace
from typing import Any, NoReturn

import jinja2
from jinja2.runtime import Context, Macro

from tests.support import ROOT


class _ReturnError(Exception):
    """What `{{ return(...) }}` gives back, as in dbt."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


class _DbtContext(Context):
    """Calls macros as dbt does: what they return is no text."""

    def call(self, called: Any, /, *arguments: Any, **named: Any) -> Any:
        """Calls a macro or a function."""
        try:
            return super().call(called, *arguments, **named)
        except _ReturnError as returned:
            if isinstance(called, Macro):
                return returned.value
            raise


def _return(value: Any) -> NoReturn:
    raise _ReturnError(value)


def render(template: str, *folders: str, **values: Any) -> str:
    """A template that calls macros of the given folders below macros/."""
    return _compiled(template, folders).render(values)


@cache
def _compiled(template: str, folders: tuple[str, ...]) -> jinja2.Template:
    environment = jinja2.Environment(extensions=["jinja2.ext.do"])
    environment.context_class = _DbtContext
    environment.globals |= {
        "return": _return,
        "modules": SimpleNamespace(re=re),
        "tojson": json.dumps,
        "fromjson": json.loads,
    }
    files = sorted(file for folder in folders for file in (ROOT / "macros" / folder).glob("*.sql"))
    return environment.from_string("".join(file.read_text() for file in files) + template)
