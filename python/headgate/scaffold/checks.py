"""Checks what was generated with the tools that `make lint` uses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from headgate.contract.reads import check_source
from headgate.errors import HeadgateError
from headgate.pipelines.validation import validate
from headgate.pipelines.validation.finding import Finding
from headgate.sources.declared import declared_sources

MAGE = "mage_pipelines"


def check_mage(project_dir: Path, paths: Sequence[str]) -> list[str]:
    """Validates the Mage project, warnings too; what passed, for people.

    Raises:
        HeadgateError: there are findings about these files or the pipelines that they belong to.
    """
    folder = project_dir / MAGE
    report = validate(folder)
    written = {(project_dir / path).resolve() for path in paths}
    folders = {path.parent for path in written if path.parent.parent == (folder / "pipelines").resolve()}
    found = [item for item in report.findings if _concerns(item, written, folders)]
    if found:
        raise HeadgateError(
            "what was generated",
            expected="a Mage project without findings",
            found="; ".join(str(item) for item in found),
            next_step="correct it, or its template, and run `headgate pipelines validate --strict`",
        )
    return ["headgate pipelines validate --strict", *check_python(project_dir, paths)]


def check_python(project_dir: Path, paths: Sequence[str]) -> list[str]:
    """Holds Python files against the project's style, where it has one and ruff is installed; what passed.

    Raises:
        HeadgateError: a file is not in the project's style.
    """
    files = [path for path in paths if path.endswith(".py")]
    ruff = Path(sys.executable).with_name("ruff")
    if not files or not ruff.is_file() or not (project_dir / "pyproject.toml").is_file():
        return []
    for words in (("check", "--quiet"), ("format", "--check", "--quiet")):
        done = subprocess.run(
            [ruff, *words, *files], cwd=project_dir, capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise HeadgateError(
                "what was generated",
                expected="Python in the project's style",
                found=" ".join((done.stdout + done.stderr).split())
                or f"a file that ruff {words[0]} would change",
                next_step="run `make format`, and correct the template in mage_pipelines/templates",
            )
    return ["ruff check", "ruff format --check"]


def check_contract(project_dir: Path, source: str) -> list[str]:
    """Holds a source's staging models against its contract; what passed, for people.

    Raises:
        HeadgateError: a path is read and not declared, or the other way round.
    """
    entity = declared_sources(project_dir)[source].entity
    if problems := check_source(project_dir, source, entity):
        raise HeadgateError(
            f"source {source}",
            expected="staging models that read what the contract declares",
            found="; ".join(problems),
            next_step="correct the contract or the models",
        )
    return ["python -m headgate.contract.reads"]


def check_dbt(project_dir: Path, selected: Sequence[str]) -> list[str]:
    """Has dbt parse the project and list what was generated; what passed, for people.

    Raises:
        HeadgateError: dbt cannot read the project, or does not find the models.
    """
    strict = ("--warn-error-options", '{"error": ["NoNodesForSelectionCriteria"]}')
    with tempfile.TemporaryDirectory() as folder:
        listing = ("ls", "--resource-type", "model", "--select", *selected)
        problem = _dbt(project_dir, Path(folder), (*strict, *listing))
    if problem is not None:
        raise HeadgateError(
            "what was generated",
            expected="a project that dbt can read",
            found=problem,
            next_step="correct it, or its template in mage_pipelines/templates",
        )
    return ["dbt parse"]


def read_manifest(project_dir: Path) -> dict[str, Any]:
    """What dbt makes of the project.

    Raises:
        HeadgateError: dbt cannot read it.
    """
    with tempfile.TemporaryDirectory() as folder:
        problem = _dbt(project_dir, Path(folder), ("parse",))
        if problem is not None:
            raise HeadgateError(
                f"dbt project {project_dir}",
                expected="a project that dbt can read",
                found=problem,
                next_step="correct what the message names",
            )
        found: dict[str, Any] = json.loads((Path(folder) / "target" / "manifest.json").read_text())
    return found


def first_rows(project_dir: Path, view: str, env: Mapping[str, str], limit: int = 10) -> list[dict[str, Any]]:
    """Rows that a model would have, computed from what the database holds; nothing is written to it.

    Args:
        project_dir: folder that holds dbt_project.yml.
        view: the model.
        env: libpq's variables of the database.
        limit: how many rows at most.

    Raises:
        HeadgateError: dbt cannot compute them.
    """
    words = ("show", "--full-refresh", "--indirect-selection", "empty", "--select", view)
    printed = ("--limit", str(limit), "--output", "json")
    with tempfile.TemporaryDirectory() as folder:
        done = _run_dbt(project_dir, Path(folder), (*words, *printed), env)
    if done.returncode:
        raise HeadgateError(
            f"rows of {view}",
            expected="rows computed by dbt show",
            found=_words(done),
            next_step="correct what the message names",
        )
    found: list[dict[str, Any]] = json.loads(done.stdout[done.stdout.index("{") :])["show"]
    return found


def _dbt(project_dir: Path, folder: Path, words: Sequence[str]) -> str | None:
    """Runs dbt without a database, with what it writes in `folder`; what it complains of."""
    done = _run_dbt(project_dir, folder, words, {})
    return _words(done) if done.returncode else None


def _words(done: subprocess.CompletedProcess[str]) -> str:
    return " ".join((done.stdout + done.stderr).split())


def _run_dbt(
    project_dir: Path, folder: Path, words: Sequence[str], env: Mapping[str, str]
) -> subprocess.CompletedProcess[str]:
    """Runs dbt, with what it writes in `folder`."""
    shutil.copyfile(project_dir / "profiles.example.yml", folder / "profiles.yml")
    return subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            *("--quiet", "--no-use-colors", *words),
            *("--project-dir", project_dir, "--profiles-dir", folder),
            *("--target-path", folder / "target", "--log-path", folder / "logs"),
        ],
        env={**os.environ, **env, "DBT_SEND_ANONYMOUS_USAGE_STATS": "false", "PYTHONWARNINGS": "ignore"},
        capture_output=True,
        text=True,
        check=False,
    )


def _concerns(finding: Finding, written: set[Path], folders: set[Path]) -> bool:
    path = finding.path.resolve()
    return path in written or path.parent in folders
