"""Loads that landed and wait for a build, and builds that run: asked of PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate.postgres.locks import held_psycopg2, is_held
from headgate.settings import Settings

#: Held by a session that builds outside Mage's schedule; see `building`.
BUILD_LOCK = "a build outside the schedule"

#: Loads that landed, were discarded or restored, and whose partition no staging model has built since, of
#: sources that have staging models.
WAITING = """
    select source, partition_start, since
    from (
        select
            loads.source,
            loads.contract_source,
            loads.partition_start,
            current_loads.load_id,
            current_loads.expired_at,
            greatest(
                loads.finished_at,
                (
                    select max(decided_at) from ops.decisions
                    where decisions.load_id = loads.load_id and decisions.action like '%% load'
                )
            ) as since
        from ops.current_loads
        inner join ops.loads on loads.load_id = abs(current_loads.load_id)
    ) as changed
    where
        contract_source = any(%(sources)s)
        and expired_at is null
        and not exists (
            select from ops.built_partitions as built
            where
                built.source = changed.contract_source
                and built.partition_start = changed.partition_start
                and built.model like 'stg\\_%%'
                and built.built_at > changed.since
                and coalesce(built.load_id, changed.load_id) = changed.load_id
        )
    order by source, partition_start
"""
#: dbt's sessions stay open for as long as it runs.
RUNNING_DBT = """
    select count(*) from pg_stat_activity
    where datname = current_database() and application_name = 'dbt'
"""


@dataclass(frozen=True)
class WaitingLoad:
    """A load that landed, was discarded or restored, and that no build has taken yet."""

    source: str
    partition_start: datetime
    finished_at: datetime


def waiting_loads(settings: Settings, connection: Psycopg2Connection) -> list[WaitingLoad]:
    """Loads that wait for a build, oldest partition first."""
    sources = sorted(folder.name for folder in staging_folders(settings))
    found = query(connection, WAITING, {"sources": sources})
    return [WaitingLoad(*row) for row in found]


def staging_folders(settings: Settings) -> list[Any]:
    """Folders of the sources that have staging models: what others land waits for nothing."""
    found = {file.parent for file in settings.project_dir.glob("models/staging/*/stg_*.sql")}
    return sorted(found)


def dbt_runs(connection: Psycopg2Connection) -> bool:
    """Whether a dbt of this database is at work, whoever started it."""
    return bool(query(connection, RUNNING_DBT)[0][0])


def is_building(connection: Psycopg2Connection) -> bool:
    """Whether another session holds the lock of `building`."""
    return is_held(connection, BUILD_LOCK)


@contextmanager
def building(connection: Psycopg2Connection) -> Iterator[None]:
    """Tells scheduled builds to wait; waits for another that does the same."""
    with held_psycopg2(connection, BUILD_LOCK):
        yield


def query(
    connection: Psycopg2Connection, statement: str, arguments: Sequence[Any] | dict[str, Any] | None = None
) -> list[tuple[Any, ...]]:
    """Runs a statement; its rows, or nothing."""
    with connection.cursor() as cursor:
        cursor.execute(statement, arguments)
        return cursor.fetchall() if cursor.description else []
