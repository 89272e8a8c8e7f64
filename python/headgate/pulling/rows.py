"""Rows of another PostgreSQL as its binary COPY sends them: cursor, key, record, and perhaps more.

Behind the record come, where they are declared, the included columns as one JSON object, and the key as JSON.

The stream comes in blocks of whole rows, and the next block is asked for only when this one has been taken.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import struct
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass

from headgate.errors import HeadgateError
from headgate.landing.copyformat import HEADER
from headgate.postgres.connection import Connection

#: Number of fields; length 8 and the cursor; length of the key.
_unpack_head = struct.Struct(">hiqi").unpack_from
_unpack_length = struct.Struct(">i").unpack_from
HEAD = 18


@dataclass(frozen=True)
class Layout:
    """How a row is laid out."""

    #: 1 for jsonb, which says its version before the text; 0 for json.
    version: int
    #: Whether a field with an object follows that is put into the record.
    included: bool
    #: Whether the last field holds the key as JSON.
    watched: bool


@dataclass(slots=True)
class Block:
    """Rows that came together."""

    data: bytes
    records: list[bytes]
    #: Cursor and key of the first and the last row.
    first: int
    last: tuple[int, str]
    watched: list[str]


def read_block(data: bytes, layout: Layout) -> Block | None:
    """The rows of a block; None when it holds only the end of the COPY.

    Raises:
        HeadgateError: a key is null.
    """
    at = len(HEADER) if data.startswith(HEADER[:11]) else 0
    size, skip = len(data), 4 + layout.version
    records: list[bytes] = []
    watched: list[str] = []
    first: int | None = None
    cursor = key_at = key_size = 0
    while at < size and size - at > 2:
        _, _, cursor, key_size = _unpack_head(data, at)
        if key_size < 0:
            raise _null_key()
        if first is None:
            first = cursor
        key_at = at + HEAD
        at = key_at + key_size
        (length,) = _unpack_length(data, at)
        records.append(data[at + skip : at + 4 + length] if length >= 0 else b"null")
        at += 4 + max(length, 0)
        if layout.included:
            (length,) = _unpack_length(data, at)
            records[-1] = with_fields(records[-1], data[at + 4 : at + 4 + length])
            at += 4 + length
        if layout.watched:
            (length,) = _unpack_length(data, at)
            watched.append(data[at + 4 : at + 4 + length].decode())
            at += 4 + length
    if first is None:
        return None
    last = (cursor, data[key_at : key_at + key_size].decode())
    return Block(data, records, first, last, watched)


def with_fields(record: bytes, fields: bytes) -> bytes:
    """A JSON text with the fields of an object put behind its own; what is no object stays as it is.

    As text: it may hold what JSONB does not, which landing repairs or rejects. Of a name that both have, the
    last one counts, as in JSONB.
    """
    text = record.strip()
    if not text.startswith(b"{"):
        return record
    own = text[1:-1].strip()
    return b"{" + own + (b"," if own else b"") + fields.strip()[1:]


def versions(block: Block) -> tuple[list[uuid.UUID], list[int]]:
    """What tells each row from every other and from itself changed: a hash of all its fields; its cursor."""
    data = block.data
    at = len(HEADER) if data.startswith(HEADER[:11]) else 0
    digests: list[uuid.UUID] = []
    cursors: list[int] = []
    for _ in block.records:
        start = at
        fields, _, cursor, key_size = _unpack_head(data, at)
        at += HEAD + key_size
        for _ in range(fields - 2):
            (length,) = _unpack_length(data, at)
            at += 4 + max(length, 0)
        digest = hashlib.md5(data[start:at], usedforsecurity=False).digest()
        digests.append(uuid.UUID(bytes=digest))
        cursors.append(cursor)
    return digests, cursors


class RowStream:
    """A COPY out of another server while it runs: `async with RowStream(...) as stream`, then `take`."""

    def __init__(self, connection: Connection, query: str, layout: Layout) -> None:
        self.layout = layout
        self.rows = 0
        self._connection = connection
        self._query = query
        self._blocks: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=2)
        self._ended = False

    async def __aenter__(self) -> RowStream:
        self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await self._task

    async def take(self) -> Block | None:
        """The next block; None after the last.

        Raises:
            asyncpg.PostgresError: the other server refused or ended the COPY.
        """
        while not self._ended:
            data = await self._blocks.get()
            if data is None:
                self._ended = True
                await self._task
            elif block := read_block(data, self.layout):
                self.rows += len(block.records)
                return block
        return None

    async def _run(self) -> None:
        try:
            await self._connection.copy_from_query(self._query, output=self._blocks.put, format="binary")
        finally:
            # Not when cancelled: nobody takes any more then.
            if not asyncio.current_task().cancelling():  # type: ignore[union-attr]
                await self._blocks.put(None)


async def blocks_of(connection: Connection, query: str) -> AsyncIterator[bytes]:
    """A COPY as it comes, to be handed on to another COPY."""
    queue: asyncio.Queue[bytes | None] = asyncio.Queue(maxsize=2)

    async def run() -> None:
        try:
            await connection.copy_from_query(query, output=queue.put, format="binary")
        finally:
            if not asyncio.current_task().cancelling():  # type: ignore[union-attr]
                await queue.put(None)

    task = asyncio.create_task(run())
    try:
        while (data := await queue.get()) is not None:
            yield data
        await task
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await task


def _null_key() -> HeadgateError:
    return HeadgateError(
        "a row of the other table",
        expected="a key in every row",
        found="null in a key column",
        next_step="name columns that are never null as `key` of the loader",
    )
