"""Copies screened rows into a landing table; a row that PostgreSQL refuses is found and becomes a reject."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from headgate.landing.copyformat import COLUMNS, HEADER, PARTS, TRAILER, line_number_of
from headgate.landing.screen import Screen
from headgate.postgres.connection import Connection

Row = list[bytes]


class PoisonedError(Exception):
    """PostgreSQL refused a row that passed the screen."""


@dataclass(frozen=True)
class RowCopy:
    """Copies rows into one table."""

    connection: Connection
    #: With its schema.
    table: str

    async def copy(self, blocks: AsyncIterator[bytes]) -> None:
        """Copies rows as they come, in one COPY.

        Raises:
            PoisonedError: PostgreSQL refused one; the transaction is lost.
        """
        try:
            await self._copy(blocks)
        except asyncpg.PostgresError as error:
            if _is_about_a_row(error):
                raise PoisonedError from error
            raise

    async def copy_carefully(self, parts: list[bytes], screen: Screen) -> None:
        """Copies the rows that `screen` gave; those that PostgreSQL refuses become rejects."""
        rows = [parts[start : start + PARTS] for start in range(0, len(parts), PARTS)]
        if rows:
            await self._copy_or_halve(rows, screen)

    async def _copy_or_halve(self, rows: list[Row], screen: Screen) -> None:
        try:
            async with self.connection.transaction():
                await self._copy(whole([part for row in rows for part in row]))
        except asyncpg.PostgresError as error:
            if not _is_about_a_row(error):
                raise
            if len(rows) == 1:
                screen.reject_row(line_number_of(rows[0]), rows[0][-1], _reason(error))
                return
            middle = len(rows) // 2
            await self._copy_or_halve(rows[:middle], screen)
            await self._copy_or_halve(rows[middle:], screen)

    async def _copy(self, source: AsyncIterator[bytes]) -> None:
        schema, table = self.table.split(".")
        await self.connection.copy_to_table(
            table, schema_name=schema, columns=COLUMNS, source=source, format="binary"
        )


async def quiet_log(connection: Connection) -> None:
    """Keeps records out of PostgreSQL's log, which quotes what a COPY failed at unless it is terse.

    Without the right to set that (see docs/privacy.md), the server's own setting holds.
    """
    with contextlib.suppress(asyncpg.InsufficientPrivilegeError):
        await connection.execute("set log_error_verbosity = terse")


async def whole(parts: list[bytes]) -> AsyncIterator[bytes]:
    """A COPY of these rows."""
    yield b"".join((HEADER, *parts, TRAILER))


async def keep_lines(connection: Connection, screen: Screen) -> None:
    """Writes rejects and repairs, which waited for the COPY to end."""
    for table, reason, spool in (
        ("rejects", "reason", screen.rejects),
        ("repairs", "repair", screen.repairs),
    ):
        if spool.rows:
            await connection.copy_to_table(
                table,
                schema_name="ops",
                columns=("load_id", "line_number", reason, "line", "stored_as", "line_bytes", "line_hmac"),
                source=spool.finish(),
                format="binary",
            )


def _is_about_a_row(error: asyncpg.PostgresError) -> bool:
    """True for errors in the data (22) and limits that a value exceeded (54): no other is a row's fault."""
    return str(error.sqlstate)[:2] in ("22", "54")


def _reason(error: asyncpg.PostgresError) -> str:
    if error.sqlstate == "54001":
        return "nesting too deep"
    if error.sqlstate == "22003" or "numeric" in str(error.args[0]):
        return "number out of range"
    # Messages about data may quote it; those about limits say which one.
    said = type(error).__name__ if str(error.sqlstate)[:2] == "22" else str(error.args[0]).splitlines()[0]
    return f"PostgreSQL: {said}"
