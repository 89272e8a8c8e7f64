"""`headgate.FeatureStore`: what training and serving read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import asyncpg

from headgate.errors import HeadgateError, UsageError
from headgate.postgres.connection import dsn as configured_dsn
from headgate.postgres.connection import parameters, shown
from headgate.settings import load_settings
from headgate.store.reading import catalog, training
from headgate.store.reading.answers import Answer
from headgate.store.reading.catalog import PublishedRelease
from headgate.store.reading.keys import Key, columns_of, several
from headgate.store.reading.sessions import OUTDATED, Sessions
from headgate.store.reading.statements import PointRead, point_read

if TYPE_CHECKING:
    from headgate.store.reading.arrow_spine import Spine
    from headgate.store.reading.blocking import SyncFeatureStore
    from headgate.store.reading.training import TrainingSet

#: How often a read starts again because a publish or a rollback changed the tables under it.
TRIES = 5
#: Releases whose shape is remembered.
REMEMBERED = 16


class FeatureStore:
    """Reads published features: `async with FeatureStore() as store`; without asyncio `FeatureStore.sync()`.

    Reads schema `feature_store` only. Every answer is from one release, whatever is published or rolled back
    meanwhile, and says from which.

    Args:
        dsn: URI of the database; by default what HEADGATE_DSN says, else the embedded server of the project.
        connections: how many reads run at once; more wait. Connections open when they are needed.
        timeout: seconds until a read gives up.
    """

    def __init__(self, dsn: str | None = None, *, connections: int = 4, timeout: float = 30) -> None:
        self.dsn = dsn or os.environ.get("HEADGATE_DSN") or configured_dsn(load_settings())
        parameters(self.dsn)
        self._sessions = Sessions(self.dsn, connections, timeout)
        self._releases: dict[int, PublishedRelease] = {}
        self._active: PublishedRelease | None = None
        self._reads: dict[tuple[int, tuple[str, ...], bool, bool], PointRead] = {}

    @staticmethod
    def sync(dsn: str | None = None, *, connections: int = 4, timeout: float = 30) -> SyncFeatureStore:
        """The same for code without asyncio: `with FeatureStore.sync() as store`."""
        from headgate.store.reading.blocking import SyncFeatureStore

        return SyncFeatureStore(dsn, connections=connections, timeout=timeout)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections."""
        await self._sessions.close()

    async def online(self, views: str | Sequence[str], keys: Key | Sequence[Key]) -> Answer:
        """The newest features of entities in the active release, in one round trip.

        Args:
            views: a feature view, or several to read at once.
            keys: an entity, or several: mappings with the key columns of all the views together.

        Returns:
            One `Entity` per key in the order given, with the release and how far each view is processed.

        Raises:
            UsageError: nothing is published, or a view, a key column or a key's type is unknown.
            HeadgateError: no server answers, or not in time, or the role may not read.
        """
        return await self._read(views, keys, None, None)

    async def as_of(
        self,
        views: str | Sequence[str],
        keys: Key | Sequence[Key],
        t: datetime,
        *,
        release: int | None = None,
    ) -> Answer:
        """The features of entities as they were at an instant: of each view the newest row with as_of <= t.

        Args:
            views: as in `online`.
            keys: as in `online`.
            t: the instant, with a time zone.
            release: as this release knows it; by default the active one.

        Returns:
            As `online`. An instant after a view's `processed_to` gets its values at `processed_to`.

        Raises:
            UsageError: as `online`; or an instant without a time zone, or a release unknown or not kept.
            HeadgateError: as `online`.
        """
        _require_instant(t)
        return await self._read(views, keys, t, release)

    async def training_set(
        self,
        spine: Spine,
        views: str | Sequence[str],
        *,
        release: int | None = None,
        instant: str | None = None,
    ) -> TrainingSet:
        """Joins features to labels, each as it was at the label's instant: the newest row with as_of <= it.

        Args:
            spine: entity keys, instants and whatever else is to stand beside the features: the name of a
                relation (`schema.name`), or rows of pyarrow, pandas, Polars or others that speak Arrow.
            views: a feature view, or several.
            release: the release to read; by default the active one, at the start and to the end.
            instant: the spine's column with the instants; may be left out when only one column, keys aside,
                is a timestamp with a time zone.

        Returns:
            A stream of Arrow batches: the spine's columns, then for each view `<view>__as_of`, null where an
            entity had no features, and `<view>__<column>`. In the order of an Arrow spine; a relation's rows
            come by key, instant and the other columns. Read it once, and close it.

        Raises:
            UsageError: as `as_of`; or the spine is not there or lacks a key, the instant is unclear, a name
                stands twice, or a column has a type that Arrow cannot hold exactly.
            HeadgateError: as `online`; or, while it is read, a value does not fit its type.
        """
        found = await self.release(release)
        chosen = found.chosen([views] if isinstance(views, str) else views)
        return await training.open_training_set(self.dsn, spine, found, chosen, instant)

    async def release(self, number: int | None = None) -> PublishedRelease:
        """A release with the feature views that it holds; by default the active one.

        Raises:
            UsageError: there is none, or it is not kept.
        """
        _require_number(number)
        found = await self._load(number)
        if found is None or found.status != "kept":
            raise catalog.not_readable(found, number, await self._known())
        return found

    async def _read(
        self, views: str | Sequence[str], keys: Key | Sequence[Key], t: datetime | None, release: int | None
    ) -> Answer:
        names = (views,) if isinstance(views, str) else tuple(views)
        entities = several(keys)
        for _ in range(TRIES):
            try:
                answer = await self._attempt(names, entities, t, release)
            except OUTDATED:
                self._active = None
                continue
            if answer is not None:
                return answer
        raise HeadgateError(
            f"feature store, {shown(self.dsn)}",
            expected="tables as the active release describes them",
            found=f"others, {TRIES} times",
            next_step="read again; if it stays, look at the newest lines of `headgate releases`",
        )

    async def _attempt(
        self, names: tuple[str, ...], keys: Sequence[Key], t: datetime | None, number: int | None
    ) -> Answer | None:
        """The answer; None when a release of another shape became active: another statement reads it."""
        known = await self._known_release(number, names)
        read = self._point_read(known, names, at_instant=t is not None, pinned=number is not None)
        rows = await self._fetch(read, keys, t, number)
        if not rows or rows[0]["status"] != "kept":
            raise catalog.not_readable(await self._load(number), number, await self._known())
        if rows[0]["release_id"] != known.release_id:
            self._active = await self._load(rows[0]["release_id"])
            if self._active is None or self._active.chosen(names) != read.views:
                return None
            known = self._active
        return read.answer(rows, keys, known)

    async def _fetch(
        self, read: PointRead, keys: Sequence[Key], t: datetime | None, number: int | None
    ) -> list[asyncpg.Record]:
        columns = columns_of(keys, read.keys)
        if len(keys) == 1:
            statement, arguments = read.one, [values[0] for values in columns]
        else:
            statement, arguments = read.many, list[Any](columns)
        if t is not None:
            arguments.append(t)
        if number is not None:
            arguments.append(number)
        try:
            return await self._sessions.fetch(statement, *arguments)
        except asyncpg.DataError as error:
            raise UsageError(
                "entity keys",
                expected=", ".join(f"{name}: {kind}" for name, kind in read.keys),
                found="a value that PostgreSQL cannot take as that",
                next_step="convert the keys before asking",
            ) from error

    async def _known_release(self, number: int | None, names: Iterable[str]) -> PublishedRelease:
        """A release's shape, remembered or looked up; the active one may be outdated, the answer tells."""
        # Before it is looked up: True and 1.0 equal a release that is remembered.
        _require_number(number)
        known = self._active if number is None else self._releases.get(number)
        if known is None or (number is None and not set(names) <= known.views.keys()):
            known = await self.release(number)
            if number is None:
                self._active = known
        return known

    def _point_read(
        self, release: PublishedRelease, names: tuple[str, ...], *, at_instant: bool, pinned: bool
    ) -> PointRead:
        key = (release.release_id, names, at_instant, pinned)
        read = self._reads.get(key)
        if read is None:
            read = self._reads[key] = point_read(release.chosen(names), at_instant=at_instant, pinned=pinned)
        return read

    async def _load(self, number: int | None) -> PublishedRelease | None:
        try:
            rows = await self._sessions.fetch(catalog.RELEASE, number)
        except asyncpg.UndefinedTableError as error:
            raise UsageError(
                f"feature store, {shown(self.dsn)}",
                expected="schema feature_store of Headgate",
                found="none",
                next_step="check the URI; `headgate up` or `headgate migrate` makes the schema",
            ) from error
        release = catalog.from_rows(rows)
        if release is not None:
            if len(self._releases) >= REMEMBERED:
                self._releases.clear()
                self._reads.clear()
            self._releases[release.release_id] = release
        return release

    async def _known(self) -> dict[int, str]:
        rows: Iterable[asyncpg.Record] = await self._sessions.fetch(catalog.RELEASES)
        return {row["release_id"]: row["status"] for row in rows}


def _require_instant(t: Any) -> None:
    found = "one without" if isinstance(t, datetime) else f"a Python {type(t).__name__}"
    if isinstance(t, datetime) and t.tzinfo is not None:
        try:
            t.astimezone(UTC)
            return
        except OverflowError:
            found = "one outside of the years 1 to 9999"
    raise UsageError(
        "instant t",
        expected="a datetime with a time zone",
        found=found,
        next_step="give one, for instance datetime(2026, 3, 1, tzinfo=UTC)",
    )


def _require_number(release: Any) -> None:
    if release is None:
        return
    is_number = isinstance(release, int) and not isinstance(release, bool)
    if not is_number or release.bit_length() > 31:
        raise UsageError(
            "release",
            expected="its number, an int",
            found="a number that no release has" if is_number else f"a Python {type(release).__name__}",
            next_step="name one of `headgate releases`, or none to read the active one",
        )
