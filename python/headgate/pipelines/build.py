"""What the blocks of `build_features` call."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from headgate import postgres
from headgate.errors import HeadgateError
from headgate.landing import close_open_loads
from headgate.pipelines import alerts, news
from headgate.pipelines.waiting import is_building
from headgate.planning.dbt import forget_other_sources
from headgate.planning.publishing import publish_project
from headgate.postgres.connection import open_psycopg2
from headgate.report import by_instant
from headgate.settings import Settings, load_settings
from headgate.store import reports

#: Short: who streams wants features within a minute.
SECONDS_BETWEEN_LOOKS = 5


def wait_for_new_loads(*, minutes: float) -> bool:
    """Returns True when a load is newer than the last build and no backfill builds, or `minutes` are over.

    It never fails: an hour that does not come is the alert of the pipeline that lands it; whether a build
    without new loads is due is `look_for_news`'s to say. Loads that grow by messages are closed first,
    so that the build sees what they hold.
    """
    deadline = time.monotonic() + minutes * 60
    while time.monotonic() < deadline and (not has_new_loads() or backfill_builds()):
        time.sleep(SECONDS_BETWEEN_LOOKS)
    asyncio.run(_close_open_loads())
    forget_other_sources(load_settings())
    return True


def look_for_news() -> str | None:
    """Why a build is due; None when it would come to what the last one published.

    Mage takes a condition that fails for one that is not met, without a word: where it cannot be told, the
    build is due, and says itself what is wrong.
    """
    settings = load_settings()
    try:
        with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
            connection.autocommit = True
            return news.look(settings, connection)
    except Exception as error:
        return f"whether there is anything new cannot be told: {error}"


def publish_features() -> dict[str, Any]:
    """Publishes what was built and writes the report; the release and how many rows changed, for Mage's log.

    Where nothing ever landed that a feature view is built from, there is nothing to publish: no failure.

    Raises:
        HeadgateError: see `headgate.store.publish.publish`.
    """
    settings = load_settings()
    outcome = _publish(settings)
    with contextlib.closing(open_psycopg2(postgres.dsn(settings))) as connection:
        connection.autocommit = True
        news.note_published(settings, connection)
    return outcome


def publish_the_rest() -> None:
    """Publishes after a build that failed what its red gates do not concern, and says so; else nothing.

    The build stays due, and failed: what kept it back is said by its own block.
    """
    with contextlib.suppress(HeadgateError):
        outcome = _publish(load_settings())
        if isinstance(outcome["release"], int):
            alerts.tell("published_what_no_red_gate_concerns", is_problem=False, **outcome)


def _publish(settings: Settings) -> dict[str, Any]:
    if not asyncio.run(_has_features()):
        return {"release": "none, for nothing landed that a feature view is built from"}
    published = asyncio.run(publish_project(settings))
    if published is None:
        return {"release": "unchanged"}
    reports.of_publish(published).write(settings)
    counts = published.views.values()
    return {
        "release": published.release_id,
        "processed_to": by_instant(published.processed_to),
        "rows_added": sum(count.added for count in counts),
        "rows_changed": sum(count.changed for count in counts),
        "rows_closed": sum(count.closed for count in counts),
    }


def has_new_loads() -> bool:
    """Whether something arrived since the last build that was published."""
    with contextlib.closing(open_psycopg2(postgres.dsn(load_settings()))) as connection:
        connection.autocommit = True
        return news.has_arrived(connection)


def backfill_builds() -> bool:
    """Whether a backfill is building what it landed."""
    with contextlib.closing(open_psycopg2(postgres.dsn(load_settings()))) as connection:
        connection.autocommit = True
        return is_building(connection)


async def _has_features() -> bool:
    """Whether something was built into a feature view, or published once."""
    connection = await postgres.connect(load_settings())
    try:
        found: bool = await connection.fetchval("""
            select
                exists (select from ops.releases)
                or exists (
                    select from ops.built_partitions as built
                    inner join pg_tables on schemaname = 'features' and tablename = built.model
                )
        """)
        return found
    finally:
        await connection.close()


async def _close_open_loads() -> None:
    settings = load_settings()
    connection = await postgres.connect(settings)
    try:
        await close_open_loads(settings, connection)
    finally:
        await connection.close()
