"""Has partitions with quarantined rows typed again by the next build."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from headgate import postgres
from headgate.landing.statements import statement
from headgate.settings import Settings
from headgate.sources import get_source

FIRST = datetime(1, 1, 1, tzinfo=UTC)
LAST = datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Replayed:
    """A partition that the next build types again."""

    partition_start: datetime
    quarantined_rows: int
    #: Models that forgot that they were built.
    models: int


async def replay_quarantined(
    settings: Settings, source: str, start: datetime = FIRST, end: datetime = LAST
) -> list[Replayed]:
    """Forgets that partitions with quarantined rows that hold a time from `start` to before `end` were typed.

    For the source of a contract these are the partitions of all sources that are held to it.
    """
    typed_by, _ = get_source(source).contract
    connection = await postgres.connect(settings)
    try:
        quarantine = f"typed.stg_{typed_by}__quarantine"
        if await connection.fetchval("select to_regclass($1)", quarantine) is None:
            return []
        query = statement("replay_quarantined").format(quarantine=quarantine)
        models = f"stg\\_{typed_by}\\_\\_%"
        return [Replayed(**row) for row in await connection.fetch(query, models, start, end, source)]
    finally:
        await connection.close()
