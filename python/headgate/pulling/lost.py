"""What is said when PostgreSQL ends a pull: why, and whether it helps to run the command again."""

from __future__ import annotations

import asyncpg

from headgate.errors import HeadgateError

#: What a connection that is lost, or a server that refuses, raises.
LOST = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
#: Classes of SQLSTATE that pass: connection, rollback, resources, lock, shutdown or cancel, system.
PASSING = ("08", "25", "40", "53", "55", "57", "58")
#: Classes whose messages quote values: of these only the name is told.
QUOTING = ("22", "23")


def lost(subject: str, expected: str, error: Exception) -> HeadgateError:
    """The error of a pull that PostgreSQL, here or there, ended."""
    return HeadgateError(subject, expected=expected, found=_found(error), next_step=_next_step(error))


def _found(error: Exception) -> str:
    name = type(error).__name__
    if not isinstance(error, asyncpg.PostgresError) or not error.args or _state(error)[:2] in QUOTING:
        return name
    return f"{name}: {str(error.args[0]).splitlines()[0]}"


def _next_step(error: Exception) -> str:
    state = _state(error)
    if not state or state[:2] in PASSING:
        return "run the command again: it goes on behind what has landed"
    if state == "42501":
        return "grant the role what the message names; what has landed stays"
    if state[:2] == "42":
        return "the table is not as it was declared: correct it or the loader; what has landed stays"
    return "put right what the server refuses, or the same row ends the next run; what has landed stays"


def _state(error: Exception) -> str:
    return str(getattr(error, "sqlstate", None) or "")
