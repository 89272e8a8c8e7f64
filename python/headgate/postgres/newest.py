"""Whether the schemas that Python owns are those that this version of Headgate works with."""

from __future__ import annotations

from pathlib import Path

import asyncpg

from headgate.errors import HeadgateError
from headgate.postgres.connection import Connection

#: The newest migration, told without alembic, which takes a while to import.
NEWEST = max(file.name[:4] for file in (Path(__file__).parent / "migrations" / "versions").glob("[0-9]*.py"))


async def require_newest(connection: Connection) -> None:
    """Fails where the ledger is missing, closed to the role, or that of another version.

    Raises:
        HeadgateError: it is older than this Headgate, or newer.
    """
    await connection.execute("select appended from ops.loads limit 0")
    try:
        found = await connection.fetchval("select version_num from ops.schema_version")
    except asyncpg.InsufficientPrivilegeError:
        # A role that may only land; what it does not know the server will say.
        return
    if found != NEWEST:
        next_step = "run `headgate up`"
        if str(found) > NEWEST:
            next_step = "use the Headgate that ran `headgate up` there, or a newer one"
        raise HeadgateError(
            "schemas of Headgate in the database",
            expected=f"version {NEWEST}, which this Headgate works with",
            found=str(found),
            next_step=next_step,
        )
