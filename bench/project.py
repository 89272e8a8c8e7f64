"""The dbt project of the moment, copied, so that nobody's edits meet a benchmark in the middle."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.servers import Database
from headgate.settings import find_project_dir

PARTS = ("dbt_project.yml", "selectors.yml", "models", "macros", "seeds", "tests/gates")


@dataclass(frozen=True)
class DbtRun:
    """What one run of dbt took: by the clock, and each node of it."""

    wall: float
    #: CPU seconds of the server: what does not change with what else the machine does.
    server_cpu: float
    #: Execution time by the node's unique id, for instance model.headgate.stg_gharchive__pushes.
    nodes: dict[str, float]

    def total(self, names: frozenset[str] | None = None) -> float:
        """The sum over the nodes, or over those with these names."""
        return sum(s for node, s in self.nodes.items() if names is None or node.split(".")[2] in names)

    def __add__(self, other: DbtRun) -> DbtRun:
        return DbtRun(
            self.wall + other.wall, self.server_cpu + other.server_cpu, {**self.nodes, **other.nodes}
        )


class Project:
    """A copy of the dbt project with a target folder of its own, run against one database."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.folder = database.folder / "project"
        self.target = database.folder / "target"
        checkout = find_project_dir()
        shutil.rmtree(self.folder, ignore_errors=True)
        for part in PARTS:
            copied = self.folder / part
            copied.parent.mkdir(parents=True, exist_ok=True)
            (shutil.copytree if (checkout / part).is_dir() else shutil.copyfile)(checkout / part, copied)
        shutil.copyfile(checkout / "profiles.example.yml", self.folder / "profiles.yml")

    def dbt(self, *arguments: str) -> DbtRun:
        """Runs dbt.

        Raises:
            RuntimeError: it failed; with the end of what it printed.
        """
        folders = ("--project-dir", self.folder, "--profiles-dir", self.folder)
        outputs = ("--target-path", self.target, "--log-path", self.database.folder / "logs")
        command: list[str | Path] = [Path(sys.executable).with_name("dbt"), *arguments, *folders, *outputs]
        cpu = self.database.server_cpu()
        began = time.perf_counter()
        done = subprocess.run(
            command, env=self.database.env, cwd=self.folder, capture_output=True, text=True, check=False
        )
        wall = time.perf_counter() - began
        if done.returncode != 0:
            raise RuntimeError(
                f"dbt {' '.join(arguments)} failed:\n{done.stdout[-4000:]}{done.stderr[-2000:]}"
            )
        results: dict[str, Any] = json.loads((self.target / "run_results.json").read_bytes())
        cpu = self.database.server_cpu() - cpu
        return DbtRun(wall, cpu, {row["unique_id"]: row["execution_time"] for row in results["results"]})

    def build(self, *arguments: str) -> DbtRun:
        """Models, seeds and gates; unit tests, which know no database, are left out."""
        return self.dbt("build", "--exclude-resource-type", "unit_test", *arguments)

    def models(self, folder: str) -> frozenset[str]:
        """The names of the models below a folder of models/."""
        return frozenset(path.stem for path in (self.folder / "models" / folder).rglob("*.sql"))
