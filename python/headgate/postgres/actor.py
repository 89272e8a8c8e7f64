"""Who is at work, for what is recorded of decisions."""

from __future__ import annotations

import os
import pwd

from headgate.postgres.connection import Connection


async def actor(connection: Connection) -> str:
    """The account on this machine and the role in the database."""
    role = await connection.fetchval("select session_user")
    try:
        # Not what the environment says: LOGNAME is whatever one likes.
        return f"{pwd.getpwuid(os.geteuid()).pw_name} as {role}"
    except KeyError:
        return str(role)
