"""Throw-away PostgreSQL servers and databases."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2

from headgate import postgres
from headgate.postgres.cluster import Cluster
from headgate.postgres.runas import ServerUser
from headgate.settings import Settings, load_settings
from tests.support import clean_environment

PII_KEY = "a key for benchmarks only"


class StockCluster(Cluster):
    """PostgreSQL with the settings it has when nobody sets any; only the socket's place is its own."""

    def _prepare_folders(self, user: ServerUser) -> None:
        super()._prepare_folders(user)
        settings = f"listen_addresses = ''\nunix_socket_directories = '{self._planned_socket_dir()}'\n"
        (self.data / "headgate.conf").write_text(settings)


@dataclass(frozen=True)
class Database:
    """A migrated database."""

    dsn: str
    settings: Settings
    #: Environment for `headgate`, dbt and psql.
    env: dict[str, str]
    #: A folder of its own.
    folder: Path
    cluster: Cluster

    def server_cpu(self) -> float:
        """CPU seconds that the server has used, with all its sessions that have ended."""
        # A session that just ended is counted when the server has noticed.
        time.sleep(0.3)
        fields = Path(f"/proc/{self.cluster.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(int(field) for field in fields[11:15]) / os.sysconf("SC_CLK_TCK")

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        """Runs statements, each in a transaction of its own; the rows of the last.

        Without JIT, which would slow down the baselines: they have many expressions.
        """
        with contextlib.closing(
            psycopg2.connect(self.dsn, options="-c jit=off -c timezone=UTC")
        ) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                for statement in statements:
                    cursor.execute(statement)
                return cursor.fetchall() if cursor.description else []

    def forget_loads(self) -> None:
        """Drops what was landed and built; ends with a checkpoint, so that nobody pays for others."""
        loads = self.execute("select load_id from ops.loads where status = 'landed'")
        self.empty("ops.loads", "ops.built_partitions", "ops.certified_partitions")
        self.execute(
            *(f"drop table staging_gharchive.events_{load_id}" for (load_id,) in loads),
            "drop schema if exists typed cascade",
            "drop schema if exists features cascade",
            "checkpoint",
        )

    def empty(self, *tables: str) -> None:
        """Truncates tables with what refers to them, also audit logs, whose triggers refuse it."""
        self.execute("set session_replication_role = replica", f"truncate {', '.join(tables)} cascade")


@contextlib.contextmanager
def running(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, running."""
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.stop()


def new_database(cluster: Cluster, name: str, folder: Path) -> Database:
    """An empty migrated database, instead of the one with this name if there is one."""
    with contextlib.closing(psycopg2.connect(cluster.uri("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'drop database if exists "{name}" with (force)')
            cursor.execute(f'create database "{name}"')
    dsn = cluster.uri(name)
    postgres.migrate(dsn)
    own = {"HEADGATE_DSN": dsn, "HEADGATE_HOME": str(folder / "home"), "HEADGATE_PII_KEY": PII_KEY}
    settings = load_settings(own)
    folder.mkdir(parents=True, exist_ok=True)
    env = {**clean_environment(), **own, **postgres.libpq_env(settings)}
    return Database(dsn, settings, env, folder, cluster)
