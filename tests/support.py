"""What tests are made of: fresh databases, and the CLI and dbt run against them."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

import psycopg2

from headgate import postgres
from headgate.postgres.cluster import Cluster
from headgate.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parents[1]
PII_KEY = "a key for tests only"
TEMPLATE = "migrated"


@dataclass(frozen=True)
class Database:
    """A database with all migrations, and everything that a program needs to use it."""

    dsn: str
    #: Settings with HEADGATE_DSN set to this database and a home of its own.
    settings: Settings
    #: The same for child processes: HEADGATE_* and PG* variables over the caller's environment.
    env: dict[str, str]
    #: A folder of its own for logs, targets and profiles.
    folder: Path

    def query(self, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
        """Runs one statement in a transaction of its own; its rows, or nothing."""
        with (
            contextlib.closing(psycopg2.connect(self.dsn)) as connection,
            connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(sql, arguments or None)
            return cursor.fetchall() if cursor.description else []

    def value(self, sql: str, *arguments: Any) -> Any:
        """The first column of the first row."""
        return self.query(sql, *arguments)[0][0]

    def headgate(
        self, *arguments: str | Path, exit_code: int = 0, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs the `headgate` command against this database and expects `exit_code`."""
        return run_headgate(*arguments, env={**self.env, **env}, exit_code=exit_code)

    def dbt(self, *arguments: str | Path, exit_code: int = 0, **env: str) -> subprocess.CompletedProcess[str]:
        """Runs dbt on the project against this database, target and logs in `folder`; expects `exit_code`."""
        return run(*self.dbt_command(*arguments), env={**self.env, **env}, exit_code=exit_code)

    def dbt_command(self, *arguments: str | Path) -> list[str | Path]:
        """The words of a command that runs dbt, for whoever starts it himself."""
        profiles = self.folder / "profiles"
        profiles.mkdir(exist_ok=True)
        shutil.copyfile(ROOT / "profiles.example.yml", profiles / "profiles.yml")
        folders = ("--project-dir", ROOT, "--profiles-dir", profiles)
        outputs = ("--target-path", self.folder / "target", "--log-path", self.folder / "logs")
        return ["dbt", *arguments, *folders, *outputs]


@dataclass
class Databases:
    """Makes databases on one server, each a copy of a migrated template."""

    server: Cluster
    folder: Path
    numbers: Iterator[int] = field(default_factory=lambda: count(1))

    def prepare(self) -> None:
        """Makes the template."""
        self.server.ensure_database(TEMPLATE)
        postgres.migrate(self.server.uri(TEMPLATE))

    @contextlib.contextmanager
    def new(self) -> Iterator[Database]:
        """A database for the length of a `with` block."""
        name = f"trial_{next(self.numbers)}"
        folder = self.folder / name
        folder.mkdir()
        self._execute(f"create database {name} template {TEMPLATE}")
        try:
            yield self._describe(name, folder)
        finally:
            self._execute(f"drop database {name} with (force)")

    def _describe(self, name: str, folder: Path) -> Database:
        own = {
            "HEADGATE_DSN": self.server.uri(name),
            "HEADGATE_HOME": str(folder / "home"),
            "HEADGATE_PII_KEY": PII_KEY,
        }
        settings = load_settings(own)
        env = {**clean_environment(), **own, **postgres.libpq_env(settings)}
        return Database(self.server.uri(name), settings, env, folder)

    def _execute(self, statement: str) -> None:
        with contextlib.closing(psycopg2.connect(self.server.uri("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)


def clean_environment() -> dict[str, str]:
    """The environment without what would lead a child process to another database."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("HEADGATE_", "PG", "DBT_"))}
    return {**kept, "DO_NOT_TRACK": "1", "NO_COLOR": "1", "COLUMNS": "160"}


def run(
    program: str | Path,
    *arguments: str | Path,
    env: dict[str, str],
    exit_code: int = 0,
    timeout: float = 600,
    cwd: Path = ROOT,
) -> subprocess.CompletedProcess[str]:
    """Runs a program of this environment; fails with its whole output when it exits with another code."""
    path = Path(sys.executable).with_name(str(program))
    done = subprocess.run(
        [path, *arguments], env=env, cwd=cwd, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == exit_code, (
        f"{program} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
    )
    return done


def run_headgate(
    *arguments: str | Path, env: dict[str, str], exit_code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Runs the `headgate` command of this environment."""
    return run("headgate", *arguments, env=env, exit_code=exit_code)


def system_binaries() -> Path | None:
    """PostgreSQL as Debian installs it: the oldest from 15 on, because it can do least."""
    found = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    versions = sorted((int(path.parts[-3]), path.parent) for path in found if path.parts[-3].isdigit())
    return next((folder for version, folder in versions if version >= 15), None)
