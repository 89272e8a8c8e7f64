"""The written documentation: what it names exists, and what exists is named."""

from __future__ import annotations

import re

import pytest

from headgate.cli.main import all_commands
from tests.support import ROOT

PAGES = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")],
    key=lambda page: page.relative_to(ROOT).as_posix(),
)
NAMES = [page.relative_to(ROOT).as_posix() for page in PAGES]
VERB = re.compile(r"^ {4}headgate (\w+)|`headgate (\w+)", re.MULTILINE)


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name: str) -> None:
    """Every relative link of a page leads to a file of the project."""
    page = ROOT / name

    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text())

    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("name", NAMES)
def test_commands_exist(name: str) -> None:
    """Every `headgate` command and `make` target that a page shows exists."""
    text = (ROOT / name).read_text()
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)

    verbs = {first or second for first, second in VERB.findall(text)}
    made = set(re.findall(r"(?:^ {4}|`)make (\w+)", text, re.MULTILINE))

    assert verbs - set(all_commands()) == set()
    assert made - set(targets) == set()


def test_readme_is_short() -> None:
    """The README is read in one sitting."""
    assert len((ROOT / "README.md").read_text().splitlines()) <= 130


def test_readme_names_every_setting() -> None:
    """The README's table of settings has the variables that settings are read from."""
    code = (ROOT / "python/headgate/settings.py").read_text()

    documented = set(re.findall(r"^\| `(HEADGATE_\w+)`", (ROOT / "README.md").read_text(), re.MULTILINE))

    assert documented == set(re.findall(r'"(HEADGATE_\w+)"', code))


def test_gates_page_names_every_singular_gate() -> None:
    """The page on gates lists the promises in tests/gates, no more and no less."""
    listed = set(re.findall(r"^\| `(assert_\w+)`", (ROOT / "docs/gates.md").read_text(), re.MULTILINE))

    assert listed == {file.stem for file in (ROOT / "tests/gates").rglob("assert_*.sql")}


def test_decisions_are_indexed() -> None:
    """The index lists every decision under its title."""
    index = (ROOT / "docs/adr/README.md").read_text()

    for record in sorted((ROOT / "docs/adr").glob("0*.md")):
        number, title = record.read_text().splitlines()[0].removeprefix("# ").split(". ", 1)
        assert f"| [{number}]({record.name}) | {title} |" in index


def test_no_page_names_a_machine() -> None:
    """No page holds a path of the machine that it was written on."""
    private = re.compile(r"(?<![\w.])/(work|root|home|tmp|Users)/")

    assert [page.name for page in PAGES if private.search(page.read_text())] == []
