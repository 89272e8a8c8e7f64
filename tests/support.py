"""What tests are made of: fresh databases, and the CLI and dbt run against them."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from headgate import postgres
from headgate.postgres.cluster import Cluster
from headgate.settings import Settings, load_settings
from tests import parsed
from tests.locks import locked
from tests.programs import ROOT, clean_environment, run, run_headgate
from tests.trial_servers import system_binaries

__all__ = [
    "PII_KEY",
    "ROOT",
    "Database",
    "Databases",
    "clean_environment",
    "run",
    "run_headgate",
    "system_binaries",
]

PII_KEY = "a key for tests only"
#: The database that new ones are copies of, unless told otherwise.
MIGRATED = "migrated"
#: The server is shared by all tests.
SESSIONS = """
    select pid from pg_stat_activity
    where starts_with(application_name, 'headgate') and datname = current_database()
"""


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

    def sessions(self) -> list[int]:
        """The process ids of the server's sessions for `headgate` commands in this database."""
        return [pid for (pid,) in self.query(SESSIONS)]

    def cut(self) -> list[bool]:
        """Ends these sessions; one value for each."""
        return [done for (done,) in self.query(f"select pg_terminate_backend(pid) from ({SESSIONS}) as open")]

    def headgate(
        self, *arguments: str | Path, exit_code: int = 0, cwd: Path = ROOT, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs the `headgate` command against this database and expects `exit_code`."""
        parsed.hand_on_for(str(arguments[0]), self.settings.home, cwd, self.env)
        return run("headgate", *arguments, env={**self.env, **env}, exit_code=exit_code, cwd=cwd)

    def dbt(
        self, *arguments: str | Path, exit_code: int = 0, project: Path = ROOT, **env: str
    ) -> subprocess.CompletedProcess[str]:
        """Runs dbt on a project against this database, target and logs in `folder`; expects `exit_code`."""
        command = self.dbt_command(*arguments, project=project)
        return run(*command, env={**self.env, **env}, exit_code=exit_code, cwd=project)

    def dbt_command(self, *arguments: str | Path, project: Path = ROOT) -> list[str | Path]:
        """The words of a command that runs dbt, for whoever starts it himself."""
        target = self.folder / "target"
        parsed.hand_on(target, project, self.env)
        folders = ("--project-dir", project, "--profiles-dir", parsed.write_profiles(self.folder))
        outputs = ("--target-path", target, "--log-path", self.folder / "logs")
        return ["dbt", *arguments, *folders, *outputs]


@dataclass(frozen=True)
class Databases:
    """Makes databases on one server, each a copy of a template."""

    server: Cluster
    #: Where this process keeps what belongs to them.
    folder: Path

    def prepare(self) -> None:
        """Makes the template with all migrations, and what counts the databases; once on a server."""
        with self._locked():
            if not self._exists(MIGRATED):
                self._execute("create sequence if not exists trials")
                self.server.ensure_database("migrating")
                postgres.migrate(self.server.uri("migrating"))
                self._keep("migrating", MIGRATED)

    def template(self, name: str, fill: Callable[[Database], object]) -> str:
        """The name of a template that `fill` filled; once on a server, by whoever needs it first."""
        with self._locked(name):
            if not self._exists(name):
                with self.new() as database:
                    fill(database)
                    self._keep(database.env["PGDATABASE"], name)
        return name

    @contextlib.contextmanager
    def new(self, template: str = MIGRATED) -> Iterator[Database]:
        """A database for the length of a `with` block."""
        name = f"trial_{self._execute('select nextval(%s)', 'trials'):05}"
        folder = self.folder / name
        folder.mkdir()
        self._execute(f"create database {name} template {template} strategy file_copy")
        try:
            yield self._describe(name, folder)
        finally:
            # Mage's own database stands beside it.
            for leftover in (name, f"{name}_mage"):
                self._execute(f"drop database if exists {leftover} with (force)")

    def _describe(self, name: str, folder: Path) -> Database:
        own = {
            "HEADGATE_DSN": self.server.uri(name),
            "HEADGATE_HOME": str(folder / "home"),
            "HEADGATE_PII_KEY": PII_KEY,
        }
        settings = load_settings(own)
        env = {**clean_environment(), **own, **postgres.libpq_env(settings)}
        return Database(self.server.uri(name), settings, env, folder)

    def _keep(self, name: str, template: str) -> None:
        """Makes a database a template, that nobody changes any more."""
        self._execute(f"alter database {name} rename to {template}")
        self._execute(f"alter database {template} with is_template true allow_connections false")

    def _exists(self, name: str) -> bool:
        found = self._execute("select count(*) from pg_database where datname = %s and datistemplate", name)
        return bool(found)

    def _locked(self, name: str = MIGRATED) -> contextlib.AbstractContextManager[None]:
        return locked(self.server.home / f"{name}.lock")

    def _execute(self, statement: str, *arguments: Any) -> Any:
        """Runs a statement outside of the databases of tests; the first value that it returns."""
        with contextlib.closing(psycopg2.connect(self.server.uri("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement, arguments or None)
                return cursor.fetchone()[0] if cursor.description else None
