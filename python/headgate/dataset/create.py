"""Making a dataset: spine copied, features joined, leakage gate, Parquet, register."""

from __future__ import annotations

import asyncio
import random
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from headgate import postgres, private
from headgate.dataset import build, register, spine
from headgate.dataset.lag import KINDS, publication_lag
from headgate.dataset.leakage import SAMPLED, LeakageGate
from headgate.dataset.register import Dataset
from headgate.errors import UsageError
from headgate.postgres import locks
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection
from headgate.settings import Settings
from headgate.store import ledger
from headgate.store.readiness import require_proven
from headgate.store.reading import catalog
from headgate.store.reading.catalog import PublishedRelease, reached
from headgate.store.reading.spine import relation_name
from headgate.store.views import quoted

NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")


async def create(
    settings: Settings,
    name: str,
    *,
    spine_model: str,
    release: int | None = None,
    views: Sequence[str] | None = None,
    instant: str | None = None,
    label: str | None = None,
    folder: Path | None = None,
    lag: str = "none",
) -> Dataset:
    """Makes the next version of a dataset.

    Args:
        settings: where the database and the project are.
        name: letters, digits and underscores; versions count per name.
        spine_model: `schema.name` of the relation with entity keys, instants and labels.
        release: the release to join; by default the active one.
        views: feature views; by default all of the release whose keys the spine has.
        instant: the spine's column with the instants; by default what its model declares.
        label: the spine's column with the labels; by default what its model declares.
        folder: where the file goes; by default `datasets` in HEADGATE_HOME.
        lag: by how much features have to be older than the instant, as serving has them: `none`, `measured`
            (from the releases so far), or a duration such as `90m`.

    Raises:
        UsageError: the name, the spine, the release or a view is not usable.
        GateFailed: the spine rests on a load that lacks the verdict of a gate, or a feature knows of its
            label's instant or later; nothing is left behind.
        HeadgateError: the database or the disk does not play along; nothing is left behind.
    """
    if not NAME.fullmatch(name):
        raise UsageError(
            "name of a dataset",
            expected="lower case letters, digits and underscores, at most 40",
            found=repr(name),
            next_step="choose another one",
        )
    meant = spine.declared(settings.project_dir, spine_model)
    connection = await postgres.connect(settings)
    try:
        async with _alone(connection, name):
            published = await readable_release(connection, release)
            chosen = published.chosen(views or await _fitting(connection, published, spine_model))
            behind = await publication_lag(
                connection, published.release_id, lag, [view.name for view in chosen]
            )
            target = folder or settings.home / "datasets"
            _remove_parts(target, name)
            await require_proven(connection, f"spine {spine_model}", spine_model)
            version = await register.next_version(connection, name)
            table = f"{name}_v{version}"
            path = target / f"{name}-v{version}.parquet"
            at = await spine.copy(connection, spine_model, table, chosen, instant or meant.instant)
            try:
                labels = await spine.label_counts(connection, table, label or meant.label)
                made = await _build(connection, settings, table, published, chosen, at, path, behind)
                return await _register(
                    connection,
                    published,
                    {
                        "name": name,
                        "version": version,
                        "release_id": published.release_id,
                        "views": [view.name for view in chosen],
                        "spine_model": spine_model,
                        "spine_table": f"datasets.{table}",
                        "instant": at,
                        "label": label or meant.label,
                        "label_counts": labels,
                        "processed_to": reached(chosen),
                        "writer": build.WRITER,
                        "uri": str(path.resolve()),
                        "created_by": await actor(connection),
                        "lag_seconds": round(behind.total_seconds()),
                        "lag_kind": lag if lag in KINDS else "declared",
                        **made,
                    },
                )
            except BaseException:
                path.unlink(missing_ok=True)
                await spine.drop(connection, table)
                raise
    finally:
        await connection.close()


async def readable_release(
    connection: Connection, number: int | None, *, bound: bool = False
) -> PublishedRelease:
    """A release that is kept, or, when a dataset is bound to it, abandoned: its rows are there all the same.

    Raises:
        UsageError: there is none.
    """
    release = catalog.from_rows(await connection.fetch(catalog.RELEASE, number))
    if release is None or release.status not in ("kept", *(("abandoned",) if bound else ())):
        known = {row["release_id"]: row["status"] for row in await connection.fetch(catalog.RELEASES)}
        raise catalog.not_readable(release, number, known)
    return release


@asynccontextmanager
async def _alone(connection: Connection, name: str) -> AsyncIterator[None]:
    """Nobody else makes a version of this dataset meanwhile."""
    async with locks.held(connection, f"dataset {name}"):
        yield


async def _fitting(connection: Connection, release: PublishedRelease, spine_model: str) -> list[str]:
    columns = await connection.fetch(spine.COLUMNS, relation_name(spine_model))
    names = {row["name"] for row in columns}
    fitting = [name for name, view in release.views.items() if names.issuperset(view.key_names)]
    return fitting or list(release.views)


async def _build(
    connection: Connection,
    settings: Settings,
    table: str,
    release: PublishedRelease,
    views: tuple[catalog.PublishedView, ...],
    instant: str,
    path: Path,
    lag: timedelta,
) -> dict[str, Any]:
    rows = await connection.fetchval(f"select count(*) from datasets.{quoted(table)}")
    # Drawn by the number of rows alone: the same rows each time.
    places = random.Random(rows).sample(range(1, rows + 1), min(SAMPLED, rows))
    gate = LeakageGate(views, instant, places, lag)
    part = private.touch(private.folder(path.parent) / f"{path.name}.part")
    try:
        built = await asyncio.to_thread(
            build.build, postgres.dsn(settings), table, release, views, instant, part, gate, lag
        )
        leakage = await gate.require_none(connection, release)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return {
        "row_count": built.rows,
        "content_sha256": built.content_sha256,
        "parts": built.parts,
        "leakage": leakage.as_dict(),
    }


def _remove_parts(folder: Path, name: str) -> None:
    """Removes what a process that was killed has left; nobody else makes a version of this dataset now."""
    for part in folder.glob(f"{name}-v*.parquet.part"):
        part.unlink()


async def _register(connection: Connection, release: PublishedRelease, values: dict[str, Any]) -> Dataset:
    """Binds the release; not while a compaction decides which are bound."""
    async with ledger.exclusive(connection), connection.transaction():
        await readable_release(connection, release.release_id, bound=True)
        return await register.add(connection, values)
