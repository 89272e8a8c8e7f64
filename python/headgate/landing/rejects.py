"""Lines that were rejected or repaired: listed, read again, and minimised as the contracts say now."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg

from headgate.contract import Contract, load_contract
from headgate.errors import HeadgateError, UsageError
from headgate.landing.keeping import Cipher, Kept
from headgate.landing.privacy import Minimiser, pii_key
from headgate.landing.statements import statement
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.sources import get_source

#: Tables of kept lines.
TABLES = ("ops.rejects", "ops.repairs")
#: Lines that are taken from the database at once: each may be of 64 MB.
TOGETHER = 20


@dataclass(frozen=True)
class Minimised:
    """What minimising changes: lines that a contract with personal paths does not allow to be kept so."""

    #: How many of each source.
    lines: Counter[str]
    #: Sources of kept lines whose contract is not in the project.
    unknown: tuple[str, ...]


async def listed(
    connection: Connection, load_id: int | None, source: str | None, limit: int
) -> list[dict[str, Any]]:
    """Rejected and repaired lines, newest load first, without what they hold."""
    rows = await connection.fetch(statement("list_kept_lines"), load_id, source, limit)
    return [dict(row) for row in rows]


async def read(settings: Settings, connection: Connection, load_id: int, line_number: int) -> bytes:
    """A line as it is stored, decrypted where it is encrypted.

    Raises:
        UsageError: there is no such line.
        HeadgateError: it was dropped, or encrypted with another key.
    """
    row = await connection.fetchrow(statement("read_kept_line"), load_id, line_number)
    subject = f"line {line_number:,} of load {load_id}"
    if row is None:
        found = "none rejected or repaired under these numbers"
        next_step = f"choose one of `headgate rejects list --load {load_id}`"
        raise UsageError(subject, expected="a kept line", found=found, next_step=next_step)
    if row["line"] is None:
        raise HeadgateError(
            subject,
            expected="a line that was kept",
            found=f"its length ({row['line_bytes']:,} bytes) and keyed hash only, as its contract says",
            next_step="see the delivery, or declare `rejected_lines: encrypt` and land with --again",
        )
    line = bytes(row["line"])
    return Cipher(pii_key(settings)).decrypt(line) if row["stored_as"] == "encrypted" else line


async def plan(settings: Settings, connection: Connection) -> Minimised:
    """What `minimise` would change."""
    lines: Counter[str] = Counter()
    unknown: set[str] = set()
    for row in await connection.fetch(statement("count_verbatim_lines")):
        contract = _contract(settings, row["source"])
        if contract is None:
            unknown.add(row["source"])
        elif contract.of_rejected_lines is not None:
            lines[row["source"]] += row["lines"]
    return Minimised(lines, tuple(sorted(unknown)))


async def minimise(settings: Settings, connection: Connection, sources: Iterable[str]) -> None:
    """Stores lines of sources that stand there verbatim as their contracts say now; all or none of them.

    The tables are written anew then: what an update leaves behind can be read in their files.
    """
    key = pii_key(settings)
    async with connection.transaction():
        for source in sources:
            contract = _contract(settings, source)
            assert contract is not None, "the plan names sources with a contract"
            for table in TABLES:
                await _minimise(connection, table, source, Minimiser(contract, key))
    for table in TABLES:
        await connection.execute(f"vacuum full {table}")


async def _minimise(connection: Connection, table: str, source: str, minimiser: Minimiser) -> None:
    find = statement("find_verbatim_lines").format(table=table)
    while rows := await connection.fetch(find, source, TOGETHER):
        await connection.executemany(
            statement("store_line").format(table=table), [_stored(row, minimiser) for row in rows]
        )


def _stored(row: asyncpg.Record, minimiser: Minimiser) -> tuple[Any, ...]:
    kept: Kept = minimiser.keep(bytes(row["line"]))
    return row["load_id"], row["line_number"], kept.line, kept.stored_as, kept.digest


def _contract(settings: Settings, source: str) -> Contract | None:
    try:
        return load_contract(settings.project_dir, *get_source(source, settings.project_dir).contract)
    except UsageError:
        return None
