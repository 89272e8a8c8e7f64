"""Lands messages as they come: each delivery id once, durable when `append` returns.

Messages go to an open load. It is closed, and models see it, when somebody wants to build
(`close_open_loads`) or when it is old; the next message then opens another one.
"""

from __future__ import annotations

import contextlib
import hashlib
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from headgate import postgres
from headgate.contract import Contract, load_contract
from headgate.landing.appended import close_appended, start_appended
from headgate.landing.copyformat import HEADER, TRAILER
from headgate.landing.copying import PoisonedError, RowCopy, keep_lines, quiet_log, whole
from headgate.landing.privacy import Minimiser, pii_key
from headgate.landing.screen import Screen
from headgate.landing.statements import statement
from headgate.landing.tables import create_landing_table, landing_table, range_partition_for
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.sources import Source, get_source

#: An older open load is closed by its own appender, so that a plain `dbt build` falls behind five minutes at
#: most: the rest is for the time between two looks and for closing.
OLD = timedelta(minutes=4, seconds=30)


@dataclass(frozen=True, slots=True)
class Message:
    """One record as it was sent."""

    #: Unique in its source: what is sent again with the same id is the same message.
    delivery_id: str
    #: JSON text of the record.
    body: bytes
    #: Whether it may be one, or several; else it is a reject as a whole, whatever stands in it.
    is_record: bool = True


@dataclass(frozen=True, slots=True)
class Appended:
    """What became of messages. Every one is in exactly one of landed, rejected and redelivered."""

    landed: int = 0
    rejected: int = 0
    #: They had landed, or had been rejected, before.
    redelivered: int = 0
    #: Of the landed ones: those that needed a repair.
    repaired: int = 0

    def __add__(self, other: Appended) -> Appended:
        return Appended(
            self.landed + other.landed,
            self.rejected + other.rejected,
            self.redelivered + other.redelivered,
            self.repaired + other.repaired,
        )


class _ClosedError(Exception):
    """Somebody closed the load."""


@dataclass
class Stretch:
    """Part of an open load: what one transaction adds to it."""

    connection: Connection
    screen: Screen
    _copy: RowCopy
    _careful: bool
    bytes_read: int = 0
    redelivered: int = 0

    async def copy(self, rows: AsyncIterator[list[bytes]]) -> None:
        """Copies rows that `screen` gave, as they come, in one COPY."""
        if self._careful:
            async for parts in rows:
                await self._copy.copy_carefully(parts, self.screen)
        else:
            await self._copy.copy(_in_one_copy(rows))


async def _in_one_copy(rows: AsyncIterator[list[bytes]]) -> AsyncIterator[bytes]:
    yield HEADER
    async for parts in rows:
        yield b"".join(parts)
    yield TRAILER


@dataclass
class Appender:
    """Lands messages of one source on one connection; one call of `append` at a time."""

    connection: Connection
    source: Source
    contract: Contract
    minimiser: Minimiser
    #: Where the messages come from, for the ledger.
    uri: str
    _load_id: int | None = field(default=None, init=False)
    _partition: str = field(default="", init=False)
    _opened_at: float = field(default=0.0, init=False)

    async def append(self, messages: Sequence[Message]) -> Appended:
        """Lands messages in one transaction; when it returns, they are safe.

        A message that is no record becomes a reject, and counts as delivered. Raises what the connection
        raises: nothing of the messages was landed then, and they may be appended again.
        """
        once: dict[uuid.UUID, Message] = {}
        for message in messages:
            once.setdefault(_digest(message.delivery_id), message)
        return await self._in_open_load(
            lambda load_id, careful: self._append(load_id, once, len(messages), careful=careful)
        )

    async def append_stretch(self, work: Callable[[Stretch], Awaitable[None]]) -> Appended:
        """Lands what `work` screens and copies, and whatever else it writes, in one transaction.

        `work` sees to it itself that nothing is landed twice. It is called again from its start when somebody
        closed the load meanwhile, or when PostgreSQL refused a row, which then becomes a reject. Raises what
        the connection and `work` raise: nothing was landed then.
        """
        return await self._in_open_load(
            lambda load_id, careful: self._append_stretch(load_id, work, careful=careful)
        )

    async def _in_open_load(self, append: Callable[[int, bool], Awaitable[Appended]]) -> Appended:
        """What `append` does to the open load, in one transaction.

        Once more with another load when somebody closed it, and row by row when PostgreSQL refused one.
        """
        careful = False
        while True:
            load_id = self._load_id or await self._open()
            try:
                async with self.connection.transaction():
                    done = await append(load_id, careful)
                break
            except _ClosedError:
                self._load_id = None
            except PoisonedError:
                careful = True
        if time.monotonic() - self._opened_at > OLD.total_seconds():
            await self.close_load()
        return done

    async def close_load(self) -> None:
        """Shows models what was appended so far."""
        if self._load_id is not None:
            load_id, self._load_id = self._load_id, None
            async with self.connection.transaction():
                row = await self.connection.fetchrow(
                    "select lines_read from ops.loads where load_id = $1 and status = 'open' for update",
                    load_id,
                )
                if row is not None:
                    await _close(self.connection, load_id, row["lines_read"], self._table, self.contract)

    async def _append(
        self, load_id: int, messages: dict[uuid.UUID, Message], count: int, *, careful: bool
    ) -> Appended:
        begun = await self.connection.fetchrow(
            statement("append_messages").format(table=self._table),
            load_id,
            # In order: two appenders with the same messages then wait for each other, and do not lock up.
            sorted(messages),
        )
        if begun is None:
            raise _ClosedError
        fresh = set(begun["fresh"])
        new = [message for digest, message in messages.items() if digest in fresh]
        screen = self._screen(load_id, begun["lines_read"])
        with contextlib.closing(screen):
            rows = [part for message in new for part in _screened(screen, message)]
            copy = RowCopy(self.connection, self._partition)
            if careful:
                await copy.copy_carefully(rows, screen)
            elif rows:
                await copy.copy(whole(rows))
            await keep_lines(self.connection, screen)
            size, redelivered = sum(len(message.body) for message in new), count - len(new)
            return await self._count(load_id, screen, begun["lines_read"], size, redelivered)

    def _screen(self, load_id: int, lines: int) -> Screen:
        contract = self.contract
        return Screen(
            load_id, contract.envelope, self.minimiser, time_type=contract.time_type, lines_before=lines
        )

    async def _append_stretch(
        self, load_id: int, work: Callable[[Stretch], Awaitable[None]], *, careful: bool
    ) -> Appended:
        lines = await self.connection.fetchval(
            "select lines_read from ops.loads where load_id = $1 and status = 'open' for update", load_id
        )
        if lines is None:
            raise _ClosedError
        screen = self._screen(load_id, lines)
        with contextlib.closing(screen):
            stretch = Stretch(self.connection, screen, RowCopy(self.connection, self._partition), careful)
            await work(stretch)
            await keep_lines(self.connection, screen)
            return await self._count(load_id, screen, lines, stretch.bytes_read, stretch.redelivered)

    async def _count(
        self, load_id: int, screen: Screen, lines_before: int, size: int, redelivered: int
    ) -> Appended:
        """Adds to the ledger what became of messages."""
        tally = screen.tally
        await self.connection.execute(
            statement("count_messages"),
            load_id,
            tally.lines - lines_before,
            tally.landed,
            screen.rejects.rows,
            tally.repaired,
            size,
            redelivered,
        )
        return Appended(tally.landed, screen.rejects.rows, redelivered, tally.repaired)

    async def _open(self) -> int:
        self._load_id = await start_appended(self.connection, self.source, status="open", uri=self.uri)
        self._partition = await range_partition_for(self.connection, self._table, self._load_id)
        self._opened_at = time.monotonic()
        return self._load_id

    @property
    def _table(self) -> str:
        return landing_table(self.source.name, self.source.entity)


@contextlib.asynccontextmanager
async def open_appender(settings: Settings, source_name: str, *, uri: str) -> AsyncIterator[Appender]:
    """An appender on a connection of its own; its load is closed at the end.

    Raises:
        HeadgateError: no server, no such source, no contract.
    """
    source = get_source(source_name, settings.project_dir)
    contract = load_contract(settings.project_dir, *source.contract)
    connection = await postgres.connect(settings)
    try:
        await quiet_log(connection)
        # What is acknowledged is on disk, whatever the server's default.
        await connection.execute("set synchronous_commit = on")
        await create_landing_table(connection, source.name, source.entity)
        await close_open_loads(settings, connection, source_name, older_than=OLD)
        appender = Appender(connection, source, contract, Minimiser(contract, pii_key(settings)), uri)
        yield appender
        await appender.close_load()
    finally:
        await connection.close(timeout=5)


async def close_open_loads(
    settings: Settings,
    connection: Connection,
    source_name: str | None = None,
    *,
    older_than: timedelta = timedelta(0),
) -> int:
    """Closes open loads, so that the next build sees what they hold; how many it were.

    Messages that are being appended are waited for; their appenders then open other loads.
    """
    async with connection.transaction():
        found = await connection.fetch(statement("find_open"), source_name, older_than)
        for row in found:
            source = get_source(row["source"], settings.project_dir)
            contract = load_contract(settings.project_dir, *source.contract)
            table = landing_table(source.name, source.entity)
            await _close(connection, row["load_id"], row["lines_read"], table, contract)
    return len(found)


async def _close(
    connection: Connection, load_id: int, lines_read: int, table: str, contract: Contract
) -> None:
    if lines_read:
        await close_appended(connection, load_id, table, contract)
    else:
        await connection.execute("delete from ops.loads where load_id = $1", load_id)


def _screened(screen: Screen, message: Message) -> list[bytes]:
    if message.is_record:
        return screen.message(message.body)
    screen.refuse(message.body)
    return []


def _digest(delivery_id: str) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.md5(delivery_id.encode(), usedforsecurity=False).digest())
