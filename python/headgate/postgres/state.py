"""What `headgate status` tells: the server, the schemas, the newest loads, the rejects."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headgate.postgres.connection import dsn, open_psycopg2, shown
from headgate.postgres.embedded import embedded, is_running
from headgate.report import by_instant
from headgate.settings import Settings

SERVER = """
select current_setting('server_version'), pg_database_size(current_database()),
       (select 'lz4' = any(enumvals) from pg_settings where name = 'default_toast_compression'),
       to_regclass('ops.schema_version') is not null, to_regclass('ops.loads') is not null,
       to_regclass('feature_store.active_release') is not null,
       to_regclass('feature_store.active_views') is not null
"""
RELEASE = """
select release_id, processed_to, (select max(release_id) from ops.releases)
from feature_store.active_release
"""
VIEWS = "select view, processed_to from feature_store.active_views order by 2 desc nulls last, 1"
NEWEST_LOADS = """
select load_id, source || '.' || entity, partition_start, status, lines_read, rows_landed, rows_rejected,
       rows_repaired, finished_at
from ops.loads
order by load_id desc
limit 10
"""
REJECTS = """
select loads.source || '.' || loads.entity, count(*)
from ops.rejects join ops.loads using (load_id)
where loads.status <> 'replaced'
group by 1
order by 1
"""


@dataclass(frozen=True)
class Load:
    """One row of `ops.loads`."""

    load_id: int
    source: str
    partition_start: datetime
    status: str
    lines_read: int | None
    rows_landed: int | None
    rows_rejected: int | None
    rows_repaired: int | None
    finished_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class State:
    """A server and what it holds; what is not known while it is stopped is None or empty."""

    running: bool
    server: str
    where: str
    version: str | None = None
    database_bytes: int | None = None
    has_lz4: bool | None = None
    revision: str | None = None
    newest_revision: str
    loads: tuple[Load, ...] = ()
    #: The active release, up to when it is processed, and the newest release; None before the first publish.
    release: tuple[int, datetime | None, int] | None = None
    #: Up to which instant each of its feature views covers every event.
    processed_to: dict[str, datetime | None] = field(default_factory=dict)
    #: Rejected lines of loads that count, by source.
    rejects: dict[str, int]

    def facts(self) -> list[tuple[str, str]]:
        """Name and value of everything but the loads, for people."""
        if not self.running:
            return [("server", f"{self.server}, stopped: run `headgate up`"), ("where", self.where)]
        newest = (
            "" if self.revision == self.newest_revision else f", behind {self.newest_revision}: headgate up"
        )
        lz4 = "with lz4" if self.has_lz4 else "without lz4"
        return [
            ("server", f"{self.server}, PostgreSQL {self.version}, {lz4}"),
            ("where", self.where),
            ("size", f"{(self.database_bytes or 0) / 1e6:,.0f} MB"),
            ("schemas", f"{self.revision}{newest}"),
            ("release", self._release()),
            *([("processed to", by_instant(self.processed_to))] if self.processed_to else []),
            ("rejects", ", ".join(f"{source} {rows:,}" for source, rows in self.rejects.items()) or "none"),
        ]

    def _release(self) -> str:
        if self.release is None:
            return "nothing published yet"
        number, _, newest = self.release
        return f"{number} is active" + (f"; {newest} was rolled back" if newest > number else "")


def read_state(settings: Settings) -> State:
    """Asks the server, if there is one."""
    from headgate.postgres import schema

    server = "embedded" if settings.dsn is None else "HEADGATE_DSN"
    if not is_running(settings):
        where = str(embedded(settings).data)
        return State(running=False, server=server, where=where, newest_revision=schema.head(), rejects={})
    uri = dsn(settings)
    with contextlib.closing(open_psycopg2(uri)) as connection, connection.cursor() as cursor:

        def rows(query: str) -> list[tuple[Any, ...]]:
            cursor.execute(query)
            return cursor.fetchall()

        version, size, lz4, has_revision, has_loads, has_releases, has_views = rows(SERVER)[0]
        releases = rows(RELEASE) if has_releases else []
        return State(
            running=True,
            server=server,
            where=shown(uri),
            version=version,
            database_bytes=size,
            has_lz4=lz4,
            revision=_revision(rows("select version_num from ops.schema_version") if has_revision else []),
            newest_revision=schema.head(),
            loads=tuple(Load(*row) for row in rows(NEWEST_LOADS)) if has_loads else (),
            release=releases[0] if releases else None,
            processed_to=dict(rows(VIEWS)) if has_views else {},
            rejects=dict(rows(REJECTS)) if has_loads else {},
        )


def _revision(found: list[tuple[Any, ...]]) -> str:
    return str(found[0][0]) if found else "base"
