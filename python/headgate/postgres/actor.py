"""Who is at work, for what is recorded of decisions."""

from __future__ import annotations

import getpass

from headgate.postgres.connection import Connection


async def actor(connection: Connection) -> str:
    """The account on this machine and the role in the database."""
    role = await connection.fetchval("select session_user")
    try:
        return f"{getpass.getuser()} as {role}"
    except (KeyError, OSError):
        return str(role)
