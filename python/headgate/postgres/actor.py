"""Who is at work, for what is recorded of decisions."""

from __future__ import annotations

import os
import pwd

from headgate.postgres.connection import Connection


async def actor(connection: Connection) -> str:
    """The account on this machine and the role in the database."""
    role = str(await connection.fetchval("select session_user"))
    name = account()
    return role if name is None else f"{name} as {role}"


def account() -> str | None:
    """The account on this machine; None where it has no name, as in some containers."""
    try:
        # Not what the environment says: LOGNAME is whatever one likes.
        return pwd.getpwuid(os.geteuid()).pw_name
    except KeyError:
        return None
