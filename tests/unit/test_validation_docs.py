"""docs/validator.md explains every code, and its examples are true."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from headgate.pipelines.validation import validate
from headgate.pipelines.validation.codes import CODES
from tests.support import ROOT
from tests.unit import validation_project

PAGE = (ROOT / "docs/validator.md").read_text()
SECTIONS = dict(re.findall(r"^### (HG\d{3}) (.*?)(?=^### |\Z)", PAGE, re.MULTILINE | re.DOTALL))
EXAMPLE = re.compile(r"^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_page_has_the_table_of_codes() -> None:
    """Every code has its section, in the order of the table, with severity and title."""
    headings = re.findall(r"^### (HG\d{3}) (\w+): (.*)$", PAGE, re.MULTILINE)

    assert headings == [(code.code, code.severity, code.title) for code in CODES.values()]


@pytest.mark.parametrize("code", CODES)
def test_example_shows_what_it_says(code: str, tmp_path: Path) -> None:
    """The good example is part of a valid project; the bad one in its place gives the code."""
    project = validation_project.write(tmp_path)
    bad, *good = EXAMPLE.findall(SECTIONS[code])
    if bad.startswith("# file: "):
        (project / bad.splitlines()[0].removeprefix("# file: ")).write_text(bad)
    else:
        path = next(
            path for path in map(tmp_path.joinpath, validation_project.FILES) if good[0] in path.read_text()
        )
        path.write_text(path.read_text().replace(good[0], bad, 1))

    assert code in {finding.code for finding in validate(project).findings}
