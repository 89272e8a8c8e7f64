"""The statements that read features of entities: one round trip, one snapshot, therefore one release."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.store.reading.answers import Answer, Entity, Features
from headgate.store.reading.catalog import PublishedRelease, PublishedView, key_columns
from headgate.store.reading.keys import Key
from headgate.store.views import AS_OF, history, online, quoted

ACTIVE = "select release_id, 'kept' as status from feature_store.active_release"
PINNED = "select release_id, status from feature_store.releases where release_id = {parameter}"
#: Columns before those of the views: release_id, status.
LEADING = 2
#: Numbers the entities that are asked for; no key is called so.
PLACE = "headgate_place"


@dataclass(frozen=True)
class PointRead:
    """How features of some views are read. Parameters: key columns, instant, release, as far as used.

    Every statement yields one row per entity in the order asked, and one row when no entity was asked for; no
    row means that there is no such release.
    """

    views: tuple[PublishedView, ...]
    #: The columns that each entity's key must have, as (name, PostgreSQL type).
    keys: tuple[tuple[str, str], ...]
    #: For one entity: scalars, which is faster than arrays of one.
    one: str
    #: For any number of entities: arrays.
    many: str
    #: By view: the place of as_of in a row, and of each column.
    places: tuple[tuple[str, int, Mapping[str, int]], ...]

    def answer(self, rows: Sequence[Any], keys: Sequence[Key], release: PublishedRelease) -> Answer:
        """What the rows of a release say about the keys."""
        entities = tuple(Entity(key, self._features(row)) for key, row in zip(keys, rows, strict=False))
        reached = {view.name: release.views[view.name].processed_to for view in self.views}
        return Answer(release.release_id, reached, entities)

    def _features(self, row: Any) -> dict[str, Features | None]:
        return {
            view: None if row[as_of] is None else Features(row, columns, row[as_of])
            for view, as_of, columns in self.places
        }


def point_read(views: tuple[PublishedView, ...], *, at_instant: bool, pinned: bool) -> PointRead:
    """The statements for some views.

    Args:
        views: in the order of the answer.
        at_instant: read the newest row at or before an instant from the history, else the online table.
        pinned: read a given release, else the active one.
    """
    keys = key_columns(views)
    instant = f"${len(keys) + 1}" if at_instant or pinned else None
    release = PINNED.format(parameter=f"${len(keys) + 2}") if pinned else ACTIVE
    scalars = {name: f"${place}" for place, (name, _) in enumerate(keys, 1)}
    fields = {name: f"entity.{quoted(name)}" for name, _ in keys}
    arrays = ", ".join(f"${place}::{kind}[]" for place, (_, kind) in enumerate(keys, 1))
    named = ", ".join([*(quoted(name) for name, _ in keys), PLACE])
    head = f"select {_selected(views)} from ({release}) as release"
    return PointRead(
        views=views,
        keys=keys,
        one=f"{head} {_laterals(views, scalars, instant) if instant else _joins(views, scalars)}",
        many=f"{head} left join unnest({arrays}) with ordinality as entity ({named}) on true"
        f" {_laterals(views, fields, instant)} order by entity.{PLACE}",
        places=_places(views),
    )


def latest_row(view: PublishedView, keys: Mapping[str, str], instant: str, release: str) -> str:
    """A SELECT of the newest row at or before an instant that a release holds.

    Args:
        view: the view; its history's primary key serves the order.
        keys: SQL of the value of each key column.
        instant: SQL of the instant.
        release: SQL of the release's number.
    """
    matches = [f"stored.{quoted(name)} = {keys[name]}" for name in view.key_names]
    return f"""
        select * from {history(view.name)} as stored
        where {" and ".join(matches)} and stored.{AS_OF} <= {instant}
            and stored.valid_from_release <= {release}
            and (stored.valid_to_release is null or stored.valid_to_release > {release})
        order by stored.{AS_OF} desc limit 1
    """


def _joins(views: Sequence[PublishedView], keys: Mapping[str, str]) -> str:
    """The online rows of one entity: with its key as parameters nothing is left to the planner."""
    parts = []
    for number, view in enumerate(views):
        matches = [f"view_{number}.{quoted(name)} = {keys[name]}" for name in view.key_names]
        parts.append(f"left join {online(view.name)} as view_{number} on {' and '.join(matches)}")
    return " ".join(parts)


def _laterals(views: Sequence[PublishedView], keys: Mapping[str, str], instant: str | None) -> str:
    """One lookup per view. The limit keeps the planner from anything but a look into the primary key."""
    parts = []
    for number, view in enumerate(views):
        if instant is None:
            matches = [f"stored.{quoted(name)} = {keys[name]}" for name in view.key_names]
            row = f"select * from {online(view.name)} as stored where {' and '.join(matches)} limit 1"
        else:
            row = latest_row(view, keys, f"{instant}::timestamptz", "release.release_id")
        parts.append(f"left join lateral ({row}) as view_{number} on true")
    return " ".join(parts)


def _selected(views: Sequence[PublishedView]) -> str:
    columns = ["release.release_id", "release.status"]
    for number, view in enumerate(views):
        columns += [f"view_{number}.{AS_OF}"]
        columns += [f"view_{number}.{quoted(column.stored_as)}" for column in view.columns]
    return ", ".join(columns)


def _places(views: Sequence[PublishedView]) -> tuple[tuple[str, int, Mapping[str, int]], ...]:
    places = []
    at = LEADING
    for view in views:
        columns = {column.name: at + 1 + offset for offset, column in enumerate(view.columns)}
        places.append((view.name, at, columns))
        at += 1 + len(view.columns)
    return tuple(places)
