"""Consumers read while releases are published and rolled back: never a mixture, never a wait."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

import asyncpg
import pytest

from headgate import postgres
from headgate.store import ledger, rollback
from headgate.store.publish import publish
from tests.support import Database
from tests.toy_store import VIEWS, ToyStore

READERS = 64
CHANGES = 50
ENTITIES = 30
#: Longer than this nobody may wait for a lock. The server itself notes every wait of that length.
LOCK_WAIT_MS = 50


@dataclass
class Seen:
    """What all readers together saw."""

    reads: int = 0
    releases: set[int] = field(default_factory=set)
    mixtures: list[object] = field(default_factory=list)


# Every value of a release is its number, so that a mixture shows.
READS = [
    "select distinct release_id from feature_store.active_release",
    *(f"select distinct events_count from feature_store.{view}_online" for view in VIEWS),
    *(
        f"select distinct events_count from feature_store.{view}"
        f" where as_of = (select max(as_of) from feature_store.{view})"
        for view in VIEWS
    ),
    "select distinct events_count from ("
    + " union all ".join(f"select events_count from feature_store.{view}_online" for view in VIEWS)
    + ") as all_views",
]


def write_release(store: ToyStore, number: int) -> None:
    """What the next release will hold: its number as every value of the newest hour."""
    store.write(
        {
            **{("toy_activity", (entity,), number): (number, None) for entity in range(ENTITIES)},
            **{("pair_activity", (entity, 1), number): (number, None) for entity in range(ENTITIES)},
        }
    )
    store.certify()


async def read(database: Database, seen: Seen, stop: asyncio.Event) -> None:
    """One consumer: several queries in one repeatable-read transaction, again and again."""
    connection = await postgres.connect(database.settings)
    await connection.execute(f"set lock_timeout = {LOCK_WAIT_MS}")
    try:
        while not stop.is_set():
            values = set()
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                for statement in READS:
                    values |= {row[0] for row in await connection.fetch(statement)}
            seen.reads += 1
            seen.releases |= values
            if len(values) != 1:
                seen.mixtures.append(values)
    finally:
        await connection.close()


async def change(database: Database, store: ToyStore, seen: Seen) -> list[int]:
    """Fifty publishes and rollbacks, one after the other; the release that each made active."""
    connection = await postgres.connect(database.settings)
    made = []
    try:
        for step in range(CHANGES):
            reads = seen.reads
            if step % 5 == 4:
                move = await rollback.plan(connection, None)
                await rollback.move(connection, move.target.release_id, expected_active=move.active)
            else:
                number = await ledger.newest_release(connection) + 1
                await asyncio.to_thread(write_release, store, number)
                assert await publish(connection, database.settings) is not None
            made.append(await ledger.active_release(connection))
            while seen.reads < reads + READERS:  # noqa: ASYNC110 the readers count for themselves
                await asyncio.sleep(0.01)
    finally:
        await connection.close()
    return [number for number in made if number is not None]


async def read_while_changing(database: Database, store: ToyStore) -> tuple[Seen, list[int]]:
    """All readers and the publisher at once."""
    seen, stop = Seen(), asyncio.Event()
    readers = [asyncio.create_task(read(database, seen, stop)) for _ in range(READERS)]
    try:
        made = await change(database, store, seen)
    finally:
        stop.set()
        await asyncio.gather(*readers)
    return seen, made


@pytest.mark.slow
def test_readers_never_see_a_mixture_nor_wait(database: Database) -> None:
    """64 readers, 50 publishes and rollbacks."""
    store = ToyStore(database)
    store.create()
    write_release(store, 1)
    store.publish()
    began = time.monotonic()
    # A reader that waits for a lock longer than LOCK_WAIT_MS fails with LockNotAvailableError.
    seen, made = asyncio.run(read_while_changing(database, store))
    assert seen.mixtures == []
    assert len(made) == CHANGES
    assert set(made) <= seen.releases
    assert seen.reads >= CHANGES * READERS, f"in {time.monotonic() - began:.0f} s"


def test_a_reader_that_would_wait_is_noticed(database: Database) -> None:
    """The proof above rests on lock_timeout: a lock that is held makes a reader fail."""
    store = ToyStore(database)
    store.create()
    write_release(store, 1)
    store.publish()

    async def work() -> None:
        holder = await postgres.connect(database.settings)
        try:
            async with holder.transaction():
                await holder.execute("lock table feature_store.toy_activity_online in access exclusive mode")
                with pytest.raises(asyncpg.LockNotAvailableError):
                    await read(database, Seen(), asyncio.Event())
        finally:
            await holder.close()

    asyncio.run(work())
