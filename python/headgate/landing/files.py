"""Lands one delivered file under a ledger row that is `running`: all in one transaction, or nothing."""

from __future__ import annotations

import contextlib
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import NoReturn

from headgate.errors import HeadgateError
from headgate.landing.content import Content
from headgate.landing.copyformat import HEADER, TRAILER
from headgate.landing.copying import PoisonedError, RowCopy, keep_lines
from headgate.landing.screen import Screen
from headgate.landing.statements import statement
from headgate.postgres.connection import Connection
from headgate.report import number_of
from headgate.sources import Delivery

#: Rejects of one file beyond which it needs more records than rejects: a few kilobytes unpack to millions.
MOST_REJECTS = 100_000


@dataclass(frozen=True)
class FileLoader(ABC):
    """Lands one file; where its rows go, and what is to be seen of them when, is a subclass's."""

    connection: Connection
    delivery: Delivery
    load_id: int
    #: Hash of what decides on what lands, beside the content.
    declaration: str
    new_screen: Callable[[], Screen]
    on_block: Callable[[Content, int], None]

    @abstractmethod
    async def prepare(self) -> str:
        """Makes ready the table that the rows are copied to; its name."""

    @abstractmethod
    async def finish(self, table: str, content: Content, screen: Screen) -> None:
        """Makes the rows visible and closes the ledger row."""

    async def count(self, content: Content, screen: Screen) -> None:
        """Writes what was read and landed into the ledger row, which is `landed` then."""
        tally = screen.tally
        await self.connection.execute(
            statement("finish_load"),
            self.load_id,
            content.sha256,
            tally.lines,
            tally.landed,
            screen.rejects.rows,
            tally.repaired,
            content.bytes_read,
            self.declaration,
            self.delivery.ledger_uri,
        )

    async def load(self, content: Callable[[], Content]) -> None:
        """Lands everything or nothing.

        The first try is one COPY. Only when PostgreSQL refuses a row that passed the screen, the file is read
        again, in batches with savepoints, down to that row, which becomes a reject.
        """
        try:
            await self._load(content(), careful=False)
        except PoisonedError:
            await self._load(content(), careful=True)

    async def _load(self, content: Content, *, careful: bool) -> None:
        with contextlib.closing(self.new_screen()) as screen:
            async with self.connection.transaction():
                await self.connection.execute("set local synchronous_commit to default")
                table = await self.prepare()
                copy = RowCopy(self.connection, table)
                if careful:
                    for rows in content.rows(screen):
                        await copy.copy_carefully(rows, screen)
                        self._on_block(content, screen)
                else:
                    await copy.copy(self._rows(content, screen))
                self._refuse_rejects_only(screen)
                await keep_lines(self.connection, screen)
                await self.finish(table, content, screen)

    def _refuse_rejects_only(self, screen: Screen) -> None:
        """Refuses a file of which nothing can land: it is another file than was declared."""
        if screen.tally.lines and not screen.tally.landed:
            self._refuse_for_rejects(
                "records that can land", f"{number_of(screen.tally.lines, 'line')}, all", screen
            )

    def _on_block(self, content: Content, screen: Screen) -> None:
        """Tells the progress; refuses a file that is mostly rejects before they fill the disk."""
        self.on_block(content, screen.tally.lines)
        rejects = screen.rejects.rows
        if rejects > MOST_REJECTS and rejects > screen.tally.landed:
            expected = f"no more than {MOST_REJECTS:,} rejects, or more records than rejects"
            self._refuse_for_rejects(
                expected, f"{rejects:,} of {number_of(screen.tally.lines, 'line')}", screen
            )

    def _refuse_for_rejects(self, expected: str, found: str, screen: Screen) -> NoReturn:
        reasons = ", ".join(f"{reason} ({count:,})" for reason, count in screen.reasons.most_common(3))
        raise HeadgateError(
            self.delivery.shown_uri,
            expected=expected,
            found=f"{found} rejected: {reasons}",
            next_step="correct the file, or `format` and its options in the loader; nothing of it was landed",
        )

    async def _rows(self, content: Content, screen: Screen) -> AsyncIterator[bytes]:
        yield HEADER
        for rows in content.rows(screen):
            yield b"".join(rows)
            self._on_block(content, screen)
        yield TRAILER
