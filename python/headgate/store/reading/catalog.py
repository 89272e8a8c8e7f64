"""What a release holds, as consumers may know it: from schema feature_store alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headgate.errors import UsageError
from headgate.store.reach import earliest
from headgate.store.views import AS_OF, Column

#: A release and its views: one row per view, or one without a view.
RELEASE = """
    select
        releases.release_id, releases.status,
        views.view, views.version, views.keys, views.columns, views.processed_to
    from feature_store.releases as releases
    left join feature_store.release_views as views on views.release_id = releases.release_id
    where
        releases.release_id
        = coalesce($1, (select active.release_id from feature_store.active_release as active))
    order by views.view
"""
RELEASES = "select release_id, status from feature_store.releases order by release_id"


@dataclass(frozen=True)
class PublishedView:
    """A feature view of a release: keys are (name, PostgreSQL type); columns are its values, not as_of."""

    name: str
    version: int
    keys: tuple[tuple[str, str], ...]
    columns: tuple[Column, ...]
    #: Values cover every event before this instant; None when that is not known. No part of the view's shape.
    processed_to: datetime | None = field(default=None, compare=False)

    @property
    def key_names(self) -> tuple[str, ...]:
        """The columns of the entity key, in order."""
        return tuple(name for name, _ in self.keys)


@dataclass(frozen=True)
class PublishedRelease:
    """A release and its feature views by name; neither changes once it is published, but for the status."""

    release_id: int
    #: kept, abandoned (by a publish after a rollback) or compacted (its rows are gone)
    status: str
    views: Mapping[str, PublishedView]

    @property
    def processed_to(self) -> datetime | None:
        """The instant up to which all its views cover every event; None when that is not known of one."""
        return reached(self.views.values())

    def chosen(self, names: Iterable[str]) -> tuple[PublishedView, ...]:
        """The views with these names, in this order.

        Raises:
            UsageError: no names, one twice, or one that the release has no view of.
        """
        wanted = tuple(names)
        if not wanted or len(set(wanted)) < len(wanted):
            raise UsageError(
                "views",
                expected="one or more names of feature views, each once",
                found="none" if not wanted else "one of them twice",
                next_step=f"name some of {', '.join(self.views) or 'none'}",
            )
        for name in wanted:
            if name not in self.views:
                raise UsageError(
                    f"feature view {name}",
                    expected=f"a view of release {self.release_id}",
                    found=f"only {', '.join(self.views) or 'no view'}",
                    next_step="name one of these, or publish the view first",
                )
        return tuple(self.views[name] for name in wanted)


def reached(views: Iterable[PublishedView]) -> datetime | None:
    """The instant up to which all of these views cover every event; None when that is not known of one."""
    return earliest(view.processed_to for view in views)


def from_rows(rows: Iterable[Any]) -> PublishedRelease | None:
    """The release that the rows of RELEASE describe; None without rows."""
    found = list(rows)
    if not found:
        return None
    views = {row["view"]: _view(row) for row in found if row["view"] is not None}
    first = found[0]
    return PublishedRelease(first["release_id"], first["status"], views)


def _view(row: Any) -> PublishedView:
    described = [Column(**column) for column in json.loads(row["columns"])]
    types = {column.name: column.type for column in described}
    keys: list[str] = row["keys"]
    return PublishedView(
        name=row["view"],
        version=row["version"],
        keys=tuple((key, types[key]) for key in keys),
        columns=tuple(column for column in described if column.name not in {*keys, AS_OF}),
        processed_to=row["processed_to"],
    )


def key_columns(views: Iterable[PublishedView]) -> tuple[tuple[str, str], ...]:
    """The key columns of several views together, each once, as (name, PostgreSQL type).

    Raises:
        UsageError: two views give the same column another type.
    """
    union: dict[str, str] = {}
    for view in views:
        for name, kind in view.keys:
            if union.setdefault(name, kind) != kind:
                raise UsageError(
                    f"key column {name}",
                    expected="one type in all views that are read together",
                    found=f"{union[name]} and {kind}",
                    next_step=f"read {view.name} by itself",
                )
    return tuple(union.items())


def not_readable(
    release: PublishedRelease | None, wanted: int | None, known: Mapping[int, str]
) -> UsageError:
    """The error for a release that does not exist or is not kept any more.

    Args:
        release: what was found.
        wanted: the number that was asked for; None is the active release.
        known: status by release.
    """
    if wanted is None:
        return UsageError(
            "feature store",
            expected="an active release",
            found="none was published yet",
            next_step="run `headgate publish`",
        )
    kept = ", ".join(str(number) for number, status in known.items() if status == "kept")
    return UsageError(
        f"release {wanted}",
        expected=f"one of the releases that are kept: {kept or 'none'}",
        found="no such release" if release is None else f"it was {release.status}",
        next_step="name a release that is kept, or none to read the active one",
    )
