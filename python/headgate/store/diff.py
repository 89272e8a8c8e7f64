"""What changed between two releases, per feature view and column."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headgate.errors import UsageError
from headgate.postgres.connection import Connection
from headgate.store import ledger
from headgate.store.changes import listed, visible
from headgate.store.views import AS_OF, FeatureView, fetch_one, history, quoted, views_of_release


@dataclass(frozen=True)
class ViewDiff:
    """Rows and entities that differ between two releases; `columns`: rows whose value differs, by column."""

    view: str
    rows_added: int
    rows_removed: int
    rows_changed: int
    entities: int
    columns: dict[str, int]
    columns_added: list[str]
    columns_removed: list[str]

    def as_dict(self) -> dict[str, Any]:
        """The difference for programs (`--json`)."""
        return dict(self.__dict__)


async def diff(connection: Connection, old: int, new: int) -> list[ViewDiff]:
    """The differences from release `old` to release `new`, by feature view; costs what changed between them.

    Raises:
        UsageError: a release is unknown or compacted.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        for number in (old, new):
            if (await ledger.release(connection, number)).status == "compacted":
                raise UsageError(
                    f"release {number}",
                    expected="a release whose rows are kept",
                    found="one that was compacted",
                    next_step="run `headgate releases` to see which are kept",
                )
        before = await views_of_release(connection, old)
        after = await views_of_release(connection, new)
        return [
            await _diff_view(connection, name, before.get(name), after.get(name), (old, new))
            for name in sorted(before.keys() | after.keys())
        ]


async def _diff_view(
    connection: Connection,
    name: str,
    before: FeatureView | None,
    after: FeatureView | None,
    releases: tuple[int, int],
) -> ViewDiff:
    stored = [_stored(before), _stored(after)]
    common = [column for column in stored[1] if column in stored[0]]
    view = after or before
    assert view is not None  # one of the two releases has it
    counts = await fetch_one(connection, _statement(view, stored, common, releases))
    columns = {column: counts[f"differs_{place}"] for place, column in enumerate(common)}
    return ViewDiff(
        name,
        counts["added"],
        counts["removed"],
        counts["changed"],
        counts["entities"],
        {column: count for column, count in columns.items() if count},
        sorted(stored[1].keys() - stored[0].keys()),
        sorted(stored[0].keys() - stored[1].keys()),
    )


def _stored(view: FeatureView | None) -> dict[str, str]:
    return {column.name: column.stored_as for column in (view.columns if view else ())}


def _statement(
    view: FeatureView, stored: list[dict[str, str]], common: list[str], releases: tuple[int, int]
) -> str:
    key = [*view.key_names, AS_OF]
    low, high = min(releases), max(releases)
    differs = [
        f"before.{quoted(stored[0][column])} is distinct from after.{quoted(stored[1][column])}"
        for column in common
    ]
    both = f"before.{AS_OF} is not null and after.{AS_OF} is not null"
    any_differs = f"({' or '.join(differs)})" if differs else "false"
    per_column = "".join(
        f", count(*) filter (where {both} and {condition}) as differs_{place}"
        for place, condition in enumerate(differs)
    )
    return f"""
        with touched as (
            select * from {history(view.name)} as held
            where
                held.valid_from_release > {low} and held.valid_from_release <= {high}
                or held.valid_to_release > {low} and held.valid_to_release <= {high}
        ),

        before as (select * from touched as held where {visible("held", releases[0])}),

        after as (select * from touched as held where {visible("held", releases[1])})

        select
            count(*) filter (where before.{AS_OF} is null) as added,
            count(*) filter (where after.{AS_OF} is null) as removed,
            count(*) filter (where {both} and {any_differs}) as changed,
            count(distinct ({listed(view.key_names)})) as entities
            {per_column}
        from before
        full join after using ({listed(key)})
    """
