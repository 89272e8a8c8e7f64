"""Pulls a source by its name: once, or on and on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headgate.errors import HeadgateError, UsageError
from headgate.landing.memory import OUT_OF_MEMORY, out_of_memory
from headgate.pulling.lost import LOST, lost
from headgate.pulling.results import Pulled, PulledSource, Say
from headgate.settings import Settings
from headgate.sources import DeclaredSource, get_source
from headgate.sources.loaders import HttpJson, PostgresJsonb, loader_of

Puller = Callable[[Say], Awaitable[Pulled]]

#: Seconds between two pulls of a source that does not say how often it may be asked.
EVERY = 60.0
#: Seconds to wait after failures: the first, and the longest.
PAUSE, LONGEST_PAUSE = 1.0, 300.0


async def pull(settings: Settings, name: str, say: Say = print) -> Pulled:
    """Lands once what a source has that is new.

    Raises:
        UsageError: the source has nothing to pull from, or its declaration cannot be used.
        HeadgateError: it cannot be reached; what had landed stays.
    """
    return await _told(_puller(settings, name), name, say)


async def poll(settings: Settings, name: str, *, every: float = EVERY, say: Say = print) -> None:
    """Pulls until it is cancelled; failures are said and tried again, later each time.

    Raises:
        UsageError: the source has nothing to pull from, or its declaration cannot be used.
    """
    puller, pause = _puller(settings, name), PAUSE
    while True:
        try:
            done = await _told(puller, name, say)
        except UsageError:
            raise
        except HeadgateError as error:
            say(f"{error}")
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        pause = PAUSE
        rows = done.rows
        say(f"{rows.landed:,} landed, {rows.rejected:,} rejected, {rows.redelivered:,} had landed before")
        await asyncio.sleep(done.wait or every)


async def _told(puller: Puller, name: str, say: Say) -> Pulled:
    """A pull whose lost connections are said in words."""
    try:
        return await puller(say)
    except OUT_OF_MEMORY as error:
        raise out_of_memory(f"landing {name}") from error
    except LOST as error:
        raise lost(f"landing {name}", "PostgreSQL to answer to the end", error) from error


def _puller(settings: Settings, name: str) -> Puller:
    source = get_source(name, settings.project_dir)
    if isinstance(source, DeclaredSource):
        declared = loader_of(source, settings.project_dir)
        if isinstance(declared, PostgresJsonb):
            from headgate.pulling.postgres_jsonb import pull_postgres

            return lambda say: pull_postgres(settings, source, declared, say)
        if isinstance(declared, HttpJson):
            from headgate.pulling.http_json import pull_http

            return lambda say: pull_http(settings, source, declared, say)
    if isinstance(source, PulledSource):
        return lambda say: source.pull(settings, say)
    raise UsageError(
        f"source {name}",
        expected="a source that says where its records are",
        found="none of the kind",
        next_step=f"name files: headgate land {name} FILE ...; where a file is an hour, --from and --to; or "
        "declare a loader, see docs/sources.md",
    )
