"""Who is connected to a server: what `headgate down` says before it ends their sessions."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

#: How long sessions of programs that have just ended are waited for, in seconds.
PATIENCE = 2.0

CONNECTED = """
    select coalesce(nullif(application_name, ''), 'an unnamed program'), coalesce(usename, 'nobody'),
        coalesce(datname, 'no database'), count(*),
        to_char(min(backend_start) at time zone 'UTC', 'YYYY-MM-DD HH24:MI'),
        count(*) filter (where state <> 'idle')
    from pg_stat_activity
    where backend_type in ('client backend', 'walsender') and pid <> pg_backend_pid()
    group by 1, 2, 3
    order by min(backend_start)
"""


@dataclass(frozen=True)
class Sessions:
    """The sessions of one program, as one role in one database."""

    program: str
    role: str
    database: str
    count: int
    #: When the first of them began, in UTC.
    since: str
    #: How many run a statement or hold a transaction open.
    active: int

    def __str__(self) -> str:
        many = f"{self.count} sessions" if self.count > 1 else "1 session"
        busy = f", {self.active} at work" if self.active else ""
        return f"{self.program} ({many} of {self.role} in {self.database} since {self.since} UTC{busy})"


def connected(uri: str) -> list[Sessions]:
    """Everybody else who is connected to any database of the server, longest first.

    Raises:
        psycopg2.OperationalError: the server takes no connection.
    """
    # Imported where it is used: landing processes start often, and need asyncpg only.
    import psycopg2

    with contextlib.closing(psycopg2.connect(uri)) as connection, connection.cursor() as cursor:
        cursor.execute(CONNECTED)
        return [Sessions(*row) for row in cursor.fetchall()]


def staying(uri: str) -> list[Sessions]:
    """The same, less those who leave within two seconds: a program's session outlives it by a moment."""
    until = time.monotonic() + PATIENCE
    while (found := connected(uri)) and time.monotonic() < until:
        time.sleep(0.1)
    return found
