"""A copy of the dbt project that tests may change, and commands run in it."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support import ROOT, Database, run

PARTS = (
    "dbt_project.yml",
    "selectors.yml",
    "profiles.example.yml",
    "models",
    "macros",
    "seeds",
    "tests/gates",
    "mage_pipelines",
)


@dataclass(frozen=True)
class ProjectCopy:
    """A dbt project in a folder of its own, against the database of a test."""

    folder: Path
    database: Database

    @classmethod
    def make(cls, folder: Path, database: Database) -> ProjectCopy:
        """Copies the project as it is."""
        for part in PARTS:
            source, target = ROOT / part, folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(".*_temp_*", "__pycache__"))
            else:
                shutil.copyfile(source, target)
        return cls(folder, database)

    def headgate(self, *arguments: str | Path, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs `headgate` in the copy and expects `exit_code`."""
        return self.database.headgate(*arguments, exit_code=exit_code, cwd=self.folder)

    def run(self, *command: str | Path, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs any program of this environment in the copy."""
        return run(*command, env=self.database.env, cwd=self.folder, exit_code=exit_code)

    def build(self, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs `dbt build` without unit tests in the copy."""
        return self.dbt("build", "--exclude-resource-type", "unit_test", exit_code=exit_code)

    def dbt(self, *arguments: str | Path, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs dbt on the copy and expects `exit_code`."""
        return self.database.dbt(*arguments, exit_code=exit_code, project=self.folder)

    def plan(self, exit_code: int = 0) -> dict[str, Any]:
        """What `headgate plan --json` says."""
        found: dict[str, Any] = json.loads(self.headgate("plan", "--json", exit_code=exit_code).stdout)
        return found

    def replace(self, file: str, before: str, after: str) -> None:
        """Changes a file; the text to change has to be there."""
        path = self.folder / file
        text = path.read_text()
        assert before in text, f"{before!r} is not in {file}"
        path.write_text(text.replace(before, after))

    def edit_yaml(self, file: str) -> YamlFile:
        """A YAML file to change: `with project.edit_yaml(file) as document: ...`."""
        return YamlFile(self.folder / file)

    def restore(self, *files: str) -> None:
        """Takes back what was changed."""
        for file in files:
            shutil.copyfile(ROOT / file, self.folder / file)


@dataclass
class YamlFile:
    """Reads a YAML file, and writes it when the block ends."""

    path: Path
    document: Any = None

    def __enter__(self) -> Any:
        self.document = yaml.safe_load(self.path.read_text())
        return self.document

    def __exit__(self, *_: object) -> None:
        self.path.write_text(yaml.safe_dump(self.document, sort_keys=False, width=10_000))
