"""Fills templates in with Jinja2: `${value}`, `<% if ... %>` and `<# remark #>` are the template's own.

Not its usual marks, for dbt and Mage read `{{ ... }}` in what is generated. Values of the sample go through
the filters `yaml`, `jinja` (a string literal of Jinja) and `sql` (one of SQL).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from headgate.errors import UsageError
from headgate.scaffold.quoting import jinja_text, sql_text, yaml_value

#: Seen from the project's folder.
FOLDER = Path("mage_pipelines") / "templates"


class Templates:
    """The templates of a project."""

    def __init__(self, project_dir: Path) -> None:
        self.folder = project_dir / FOLDER
        self._environment = _environment(self.folder)

    def render(self, template: str, **values: Any) -> str:
        """A template with its values filled in.

        Raises:
            UsageError: there is no such template, or it is broken; the message names file and line.
        """
        try:
            return self._environment.get_template(template).render(**values)
        except jinja2.TemplateNotFound as error:
            raise self._broken(str(error), "no such file", 0) from error
        except jinja2.TemplateSyntaxError as error:
            raise self._broken(error.name or template, error.message or "bad syntax", error.lineno) from error
        except jinja2.UndefinedError as error:
            raise self._broken(template, error.message or "an unknown name", 0) from error

    def _broken(self, template: str, problem: str, line: int) -> UsageError:
        place = f", line {line}" if line else ""
        return UsageError(
            f"template {self.folder / template}{place}",
            expected="a template that can be filled in",
            found=problem,
            next_step="correct the template; docs/scaffolding.md names the values that each one gets",
        )


@cache
def _environment(folder: Path) -> jinja2.Environment:
    """Compiled templates are kept; one that was edited is compiled again."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(folder),
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="${",
        variable_end_string="}",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,
    )
    environment.filters |= {"yaml": yaml_value, "jinja": jinja_text, "sql": sql_text}
    return environment
