"""Seeded mutations: each kind of breakage, injected into valid projects, is found with code and line."""

from __future__ import annotations

import contextlib
import random
import re
import shutil
import zlib
from pathlib import Path

import pytest

from headgate.errors import UsageError
from headgate.pipelines.validation import validate
from headgate.pipelines.validation.codes import CODES
from tests.support import ROOT
from tests.unit import validation_project
from tests.unit.validation_mutations import MUTATIONS, Mutation

SEEDS = range(3)
#: What the own project's copy needs of the dbt project around it.
DBT_FILES = ("dbt_project.yml", "selectors.yml", "profiles.example.yml", "models", "seeds")


@pytest.fixture
def projects(tmp_path: Path) -> list[Path]:
    """Valid projects to break: the one with everything, and a copy of the one that ships."""
    own = tmp_path / "own"
    ignored = shutil.ignore_patterns(".ssh_tunnel", "__pycache__")
    shutil.copytree(ROOT / "mage_pipelines", own / "mage_pipelines", ignore=ignored)
    for name in DBT_FILES:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copyfile
        copy(ROOT / name, own / name)
    return [validation_project.write(tmp_path / "all"), own / "mage_pipelines"]


def test_valid_projects_have_no_findings(projects: list[Path]) -> None:
    """What the mutations break is valid before."""
    for project in projects:
        assert [str(finding) for finding in validate(project).findings] == []


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name.replace(" ", "-"))
def test_mutation_is_found(projects: list[Path], mutation: Mutation) -> None:
    """A breakage, at any of the places where it can be, gives its code at its line, and no unrelated one."""
    places = [
        (project, path, match)
        for project in projects
        for path in sorted(
            project.glob(mutation.files) if ".." not in mutation.files else [project / mutation.files]
        )
        if path.is_file()
        for match in re.finditer(mutation.pattern, path.read_text())
    ]
    assert places

    for seed in SEEDS:
        chance = random.Random(zlib.crc32(f"{mutation.name} {seed}".encode()))
        project, path, match = chance.choice(places)
        before = path.read_text()
        path.write_text(before[: match.start()] + match.expand(mutation.replacement) + before[match.end() :])
        findings = validate(project).findings
        wanted = _wanted(project, path, before, match, mutation)
        found = {
            (finding.path.resolve(), finding.line) for finding in findings if finding.code == mutation.code
        }
        path.write_text(before)

        assert found & wanted, [str(finding) for finding in findings]
        assert {finding.code for finding in findings} <= {mutation.code} | mutation.also


@pytest.mark.costly
def test_no_file_breaks_the_validator(projects: list[Path]) -> None:
    """Whatever stands in the files, the validator ends with findings, or says that the settings are wrong."""
    project = projects[0]
    files = sorted(path for path in project.parent.rglob("*") if path.is_file())
    for seed in range(150):
        chance = random.Random(seed)
        path = chance.choice(files)
        before = path.read_bytes()
        path.write_bytes(_garbled(before, chance))
        with contextlib.suppress(UsageError):
            assert all(finding.line >= 1 for finding in validate(project).findings)
        path.write_bytes(before)


def test_every_code_has_a_mutation() -> None:
    """Every code of the table is produced by some mutation."""
    assert {mutation.code for mutation in MUTATIONS} == set(CODES)
    assert len({mutation.name for mutation in MUTATIONS}) == len(MUTATIONS) >= 30


def _garbled(text: bytes, chance: random.Random) -> bytes:
    """The text with some words replaced by what YAML or Python may trip over, and some bytes gone."""
    words = [
        b"[]",
        b"{}",
        b"{a: [1]}",
        b"null",
        b"1",
        b"'",
        b"*a",
        b"&a",
        b"<<:",
        b"!!x",
        b"\t",
        b"\x00",
        b"\xff",
        b"{{",
    ]
    parts = re.split(rb"(\w+|\n)", text)
    for _ in range(chance.randint(1, 4)):
        parts[chance.randrange(len(parts))] = chance.choice([*words, b""])
    return b"".join(parts)


def _wanted(
    project: Path, path: Path, before: str, match: re.Match[str], mutation: Mutation
) -> set[tuple[Path, int]]:
    """Files and lines at which the finding may stand."""
    if mutation.at is None:
        line = before[: match.start()].count("\n") + 1 + mutation.offset
        return {(path.resolve(), mutation.line or line)}
    files, pattern = mutation.at
    return {
        (other.resolve(), other.read_text()[: place.start()].count("\n") + 1 + mutation.offset)
        for other in project.glob(files)
        for place in re.finditer(pattern, other.read_text())
    }
