"""Moving the active release to another one, back or forward again: one transaction, no history written."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from headgate.errors import UsageError
from headgate.postgres.connection import Connection
from headgate.store import ledger, shape
from headgate.store.changes import ViewStatements, listed, visible
from headgate.store.ledger import Release
from headgate.store.views import FeatureView, fetch_one, views_of_release


@dataclass(frozen=True)
class ViewRadius:
    """What a move does to one feature view."""

    view: str
    #: Rows that consumers see now and will not, and the other way round.
    rows_gone: int
    rows_back: int
    entities: int


@dataclass(frozen=True, kw_only=True)
class Move:
    """A rollback, or the way forward again: from the active release to another."""

    active: int
    target: Release
    views: list[ViewRadius]
    #: Datasets that are bound to releases that consumers will not see any more.
    bound: list[tuple[int, str]]

    @property
    def is_back(self) -> bool:
        """False on the way forward again."""
        return self.target.release_id < self.active

    def as_dict(self) -> dict[str, Any]:
        """The move for programs (`--json`)."""
        return {
            "active": self.active,
            "target": self.target.release_id,
            "views": [radius.__dict__ for radius in self.views],
            "bound": [{"release": number, "what": what} for number, what in self.bound],
        }


async def plan(connection: Connection, to: int | None) -> Move:
    """What moving to release `to` (default: the one before the active one) would do.

    Raises:
        UsageError: nothing is published, or the release is unknown, active, abandoned or compacted.
    """
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        active = await ledger.active_release(connection)
        if active is None:
            raise UsageError(
                "rollback",
                expected="an active release",
                found="nothing published yet",
                next_step="run `headgate publish`",
            )
        target = await _target(connection, active, to)
        low, high = sorted((active, target.release_id))
        views = await _views(connection, active, target.release_id)
        radius = [await _radius(connection, view, active, target.release_id) for view in views.values()]
        goes = (low + 1, high) if target.release_id < active else (low, high - 1)
        bound = await ledger.bound_releases(connection, *goes)
    return Move(active=active, target=target, views=radius, bound=bound)


async def move(connection: Connection, to: int, *, expected_active: int) -> None:
    """Makes release `to` the active one.

    Args:
        connection: not in a transaction.
        to: the release; checked again as in `plan`.
        expected_active: the release that was active when the plan was made.

    Raises:
        UsageError: as in `plan`, or another release became active meanwhile.
    """
    async with ledger.exclusive(connection), connection.transaction(isolation="repeatable_read"):
        await move_within(connection, to, expected_active=expected_active)


async def move_within(connection: Connection, to: int, *, expected_active: int) -> None:
    """The same in a transaction (repeatable read) of the caller, who holds `ledger.exclusive`."""
    active = await ledger.active_release(connection)
    if active != expected_active:
        raise UsageError(
            "rollback",
            expected=f"release {expected_active} to be active, as planned",
            found=f"release {active}",
            next_step="make the plan again: `headgate rollback`",
        )
    target = await _target(connection, active, to)
    for view in (await _views(connection, active, to)).values():
        statements = ViewStatements(view)
        await connection.execute(statements.create_work_tables())
        await connection.execute(statements.touch_between(*sorted((active, to))))
        await connection.execute("analyze touched")
        await connection.execute(statements.refresh_online(to))
        await connection.execute(statements.remove_vanished_online(to))
    await ledger.activate(connection, to, target.processed_to)
    await ledger.add_event(connection, "rollback", active, to, {})
    await _show(connection, active, to)


async def _target(connection: Connection, active: int, to: int | None) -> Release:
    here = await ledger.release(connection, active)
    if to is None and here.parent_release is None:
        raise UsageError(
            f"rollback of release {active}",
            expected="a release before it",
            found="none: it is the first",
            next_step="land what is right, and publish again",
        )
    target = await ledger.release(connection, to if to is not None else here.parent_release or 0)
    found = "the active release" if target.release_id == active else target.status
    if found != "kept":
        raise UsageError(
            f"rollback to release {target.release_id}",
            expected="a release that is kept and not active",
            found=f"one that is {found}" if target.status != "kept" else found,
            next_step="run `headgate releases` to see which can be moved to",
        )
    return target


async def _views(connection: Connection, active: int, target: int) -> dict[str, FeatureView]:
    """The feature views of both releases, in the shape of the target where it has them."""
    return {**await views_of_release(connection, active), **await views_of_release(connection, target)}


async def _radius(connection: Connection, view: FeatureView, active: int, target: int) -> ViewRadius:
    statements = ViewStatements(view)
    key = listed(view.key_names)
    row = await fetch_one(
        connection,
        f"""
        with differing as (
            select {key},
                {visible("held", active)} as seen,
                {visible("held", target)} as to_see
            from {statements.history} as held
            where
                valid_from_release > {min(active, target)} and valid_from_release <= {max(active, target)}
                or valid_to_release > {min(active, target)} and valid_to_release <= {max(active, target)}
        )

        select
            count(*) filter (where seen and not to_see) as gone,
            count(*) filter (where to_see and not seen) as back,
            count(distinct ({key})) filter (where seen <> to_see) as entities
        from differing
        """,
    )
    return ViewRadius(view.name, row["gone"], row["back"], row["entities"])


async def _show(connection: Connection, active: int, target: int) -> None:
    shown = await views_of_release(connection, active)
    to_show = await views_of_release(connection, target)
    for name, view in to_show.items():
        await shape.show(connection, shown.get(name), view)
    for name in shown.keys() - to_show.keys():
        await shape.hide(connection, name)
