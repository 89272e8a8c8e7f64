"""Lands deliveries one after the other on one connection: ledger, idempotence, failures."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg

from headgate.contract import Contract
from headgate.errors import HeadgateError
from headgate.landing.appended import AppendedFileLoader, start_appended
from headgate.landing.content import Content
from headgate.landing.declaration import declaration_sha256
from headgate.landing.formats import content_of, declared_files
from headgate.landing.memory import OUT_OF_MEMORY, out_of_memory
from headgate.landing.partition import PartitionLoader, refuse_overlap
from headgate.landing.privacy import Minimiser
from headgate.landing.results import LoadResult, Progress
from headgate.landing.screen import Screen
from headgate.landing.statements import statement
from headgate.landing.tables import create_landing_table
from headgate.postgres.connection import Connection
from headgate.postgres.locks import Locks, landing_lock
from headgate.settings import Settings
from headgate.sources import Delivery, Source, downloads

OnProgress = Callable[[Progress], None]

#: Why a delivery replaces what is landed.
OTHER_CONTENT = "other content"
OTHER_DECLARATION = "same content, read as the loader or the contract says now"
ASKED_FOR = "same content, landed again as asked"


@dataclass(frozen=True)
class Loader:
    """Lands deliveries of one source."""

    settings: Settings
    connection: Connection
    source: Source
    contract: Contract
    minimiser: Minimiser
    #: One lander at a time per partition, file or content.
    locks: Locks
    on_progress: OnProgress
    #: Whether what is landed already lands again.
    again: bool = False

    async def land(self, delivery: Delivery) -> LoadResult:
        """Lands a delivery unless its bytes are landed already. Failures are results, not exceptions."""
        began = time.monotonic()
        async with self._alone(delivery):
            load_id: int | None = None
            try:
                await self._abandon(delivery)
                async with (
                    self._file(delivery) as (path, found),
                    self._content_alone(delivery, path) as sha256,
                ):
                    old, why = await self._landed(delivery, path, sha256)
                    if old is not None and not why:
                        # What somebody discarded comes back only when somebody asks for it.
                        known = "discarded" if old["status"] == "discarded" else "unchanged"
                        return _result(delivery, known, old, began, _way_back(old))
                    load_id = await self._start(delivery)
                    await self._load(found, load_id, path, replaces=old["load_id"] if old else None)
                row = await self.connection.fetchrow(statement("read_load"), load_id)
                assert row is not None, "this load landed"
                return _result(delivery, "landed" if old is None else "replaced", row, began, why)
            except Exception as error:  # the ledger keeps every failure, whatever it is
                if self.connection.is_closed():
                    raise
                described = _describe(delivery, error)
                load_id = load_id or await self._start(delivery)
                await self.connection.execute(statement("fail_load"), load_id, str(described))
                failed = LoadResult(
                    delivery=delivery, status="failed", load_id=load_id, error=described.as_dict()
                )
                return replace(failed, seconds=time.monotonic() - began)

    async def _abandon(self, delivery: Delivery) -> None:
        """Closes the ledger rows that a killed lander of the same delivery left behind."""
        start = delivery.partition.start if delivery.partition else None
        await self.connection.execute(
            statement("abandon_loads"), delivery.source, delivery.entity, start, delivery.shown_uri
        )

    async def _landed(
        self, delivery: Delivery, path: Path, sha256: str | None
    ) -> tuple[asyncpg.Record | None, str | None]:
        """What a delivery would replace, and why it does; no reason where that would land the same."""
        place = (delivery.source, delivery.entity)
        if delivery.partition is None:
            row = await self.connection.fetchrow(statement("find_content"), *place, sha256, self.again)
            return row, self._why(delivery, row) if row else None
        row = await self.connection.fetchrow(statement("find_landed"), *place, delivery.partition.start)
        discarded = await self.connection.fetch(
            statement("find_discarded"), *place, delivery.partition.start, self.again
        )
        sha256 = await self._sha256(delivery, path) if row or discarded else None
        # Of another extent they are another delivery: records are held against where it begins and ends.
        meant = (sha256, delivery.partition.end)
        known = [load for load in [row, *discarded] if load]
        same = next(
            (load for load in known if (load["content_sha256"], load["partition_end"]) == meant), None
        )
        if same is not None and (why := self._why(delivery, same)) is None:
            return same, None
        await refuse_overlap(self.connection, delivery)
        return row, OTHER_CONTENT if same is None else why

    def _why(self, delivery: Delivery, row: asyncpg.Record) -> str | None:
        """Why the same bytes land again; None where they would land as they did, or were discarded."""
        if row["status"] == "discarded":
            return None
        known = row["declaration_sha256"]
        # Of loads from before it was noted only those are known to be wrong of which nothing landed.
        same = row["rows_landed"] > 0 if known is None else known == self._declaration(delivery)
        return ASKED_FOR if self.again else None if same else OTHER_DECLARATION

    def _declaration(self, delivery: Delivery) -> str:
        return declaration_sha256(delivery, self.source, self.contract, self.settings.project_dir)

    async def _load(self, delivery: Delivery, load_id: int, path: Path, replaces: int | None) -> None:
        def on_block(content: Content, lines: int) -> None:
            self.on_progress(Progress(delivery, "land", content.position, content.size, lines))

        def new_screen() -> Screen:
            return Screen(load_id, self.contract.envelope, self.minimiser, time_type=self.contract.time_type)

        parts = (self.connection, delivery, load_id, self._declaration(delivery), new_screen, on_block)
        loader = (
            PartitionLoader(*parts)
            if delivery.partition
            else AppendedFileLoader(*parts, self.contract, replaces)
        )
        await loader.load(lambda: self._content(delivery, path))

    def _content(self, delivery: Delivery, path: Path) -> Content:
        return content_of(delivery, path, self.source, self.contract, self.settings.project_dir)

    async def _sha256(self, delivery: Delivery, path: Path) -> str:
        content = self._content(delivery, path)
        await asyncio.to_thread(content.read_through)
        return content.sha256

    async def _start(self, delivery: Delivery) -> int:
        """A ledger row that is `running`."""
        if delivery.partition is None:
            await create_landing_table(self.connection, delivery.source, delivery.entity)
            return await start_appended(
                self.connection, self.source, status="running", uri=delivery.shown_uri
            )
        partition = delivery.partition
        place = (delivery.source, delivery.entity, partition.start, partition.end, delivery.shown_uri)
        contract_source, _ = self.source.contract
        return int(await self.connection.fetchval(statement("start_load"), *place, contract_source))

    def _alone(self, delivery: Delivery) -> contextlib.AbstractAsyncContextManager[None]:
        """Keeps other landers of the same partition, or of the same file, waiting."""
        partition = delivery.partition
        return self._locked(delivery, partition.start.isoformat() if partition else delivery.shown_uri)

    @contextlib.asynccontextmanager
    async def _content_alone(self, delivery: Delivery, path: Path) -> AsyncIterator[str | None]:
        """Keeps other landers of the same bytes waiting where these land once; the SHA-256 of them there."""
        if delivery.partition is not None:
            yield None
            return
        sha256 = await self._sha256(delivery, path)
        # Always behind the lock of the file, so that no two landers wait for each other.
        async with self._locked(delivery, f"sha256:{sha256}"):
            yield sha256

    @contextlib.asynccontextmanager
    async def _locked(self, delivery: Delivery, what: str) -> AsyncIterator[None]:
        async with self.locks.held(landing_lock(delivery.source, delivery.entity, what)):
            yield

    @contextlib.asynccontextmanager
    async def _file(self, delivery: Delivery) -> AsyncIterator[tuple[Path, Delivery]]:
        """The delivered file; downloaded for as long as it is needed when it is not on this machine."""
        if not delivery.is_remote:
            yield Path(delivery.uri), delivery
            return
        # Imported here: it takes longer to import than to read a file.
        from headgate.sources.http import fetch

        def on_bytes(done: int, total: int) -> None:
            self.on_progress(Progress(delivery, "download", done, total))

        hosts = declared_files(self.source, self.settings.project_dir).redirects
        with downloads.in_use(self.settings.home):
            folder = downloads.folder_of(self.settings.home, delivery)
            done = await asyncio.to_thread(fetch, delivery.uri, folder, on_bytes, hosts)
            path = done.path
            try:
                yield path, replace(delivery, origin=done.url if done.url != delivery.shown_uri else None)
            finally:
                path.unlink(missing_ok=True)
                if delivery.partition is None:
                    folder.rmdir()


def _result(
    delivery: Delivery, status: str, row: asyncpg.Record, began: float, why: str | None = None
) -> LoadResult:
    counts = {
        key: row[key] for key in ("rows_landed", "rows_rejected", "rows_repaired", "lines_read", "bytes_read")
    }
    return LoadResult(
        delivery=delivery,
        status=status,  # type: ignore[arg-type]
        load_id=row["load_id"],
        reason=why if status in ("replaced", "discarded") else None,
        seconds=time.monotonic() - began,
        **counts,
    )


def _way_back(load: asyncpg.Record) -> str | None:
    """What takes in again what was discarded; None for a load that was not."""
    if load["status"] != "discarded":
        return None
    if load["expired_at"] is None:
        return f"to take it in again: headgate loads restore {load['load_id']}"
    return "its records were removed by retention; to take it in again, land it with --again"


def _describe(delivery: Delivery, error: Exception) -> HeadgateError:
    """The failure without a record's contents: PostgreSQL quotes them in details, context and class 22."""
    if isinstance(error, HeadgateError):
        return error
    if isinstance(error, OUT_OF_MEMORY):
        return out_of_memory(delivery.shown_uri)
    said = ""
    if isinstance(error, asyncpg.PostgresError) and error.args and str(error.sqlstate)[:2] != "22":
        said = str(error.args[0]).splitlines()[0]
    if isinstance(error, OSError):
        said = error.strerror or ""
    return HeadgateError(
        delivery.shown_uri,
        expected="to land",
        found=f"{type(error).__name__}: {said}" if said else type(error).__name__,
        next_step="fix the cause and rerun: nothing was landed",
    )
