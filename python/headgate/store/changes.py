"""SQL that brings one feature view of the feature store to what dbt has built, row by changed row."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from headgate.store.views import AS_OF, FeatureView, history, online, quoted


@dataclass(frozen=True)
class Counts:
    """What a publish does to one feature view, in rows; `entities`: how many keys have other rows now."""

    added: int
    changed: int
    closed: int
    entities: int


def visible(alias: str, release_id: int) -> str:
    """The condition for a row of a history to belong to a release."""
    return (
        f"{alias}.valid_from_release <= {release_id}"
        f" and ({alias}.valid_to_release is null or {alias}.valid_to_release > {release_id})"
    )


def listed(names: Iterable[str], alias: str = "") -> str:
    """Columns for a select list, quoted and qualified."""
    return ", ".join(f"{alias}.{quoted(name)}" if alias else quoted(name) for name in names)


def _equal(names: Iterable[str], one: str, other: str) -> str:
    return " and ".join(f"{one}.{quoted(name)} = {other}.{quoted(name)}" for name in names)


class ViewStatements:
    """The statements of one feature view; each leaves its rows in a temporary table for the next.

    `changed` holds the (key, as_of) that may differ, `closed` and `inserted` those that did, `touched` their
    entities.
    """

    def __init__(self, view: FeatureView) -> None:
        self.view = view
        self.key = view.key_names
        self.row = (*view.key_names, AS_OF)
        self.built = [column.name for column in view.columns]
        self.held = [column.stored_as for column in view.columns]
        self.source = f"features.{quoted(view.name)}"
        self.log = f"ops.{quoted('changed_' + view.name)}"
        self.history = history(view.name)
        self.online = online(view.name)

    def create_work_tables(self) -> str:
        """The temporary tables, for the length of the transaction."""
        key = ", ".join(f"{quoted(name)} {kind}" for name, kind in self.view.keys)
        return f"""
            drop table if exists changed, closed, inserted, touched;
            create temporary table changed ({key}, {AS_OF} timestamptz) on commit drop;
            create temporary table closed ({key}, {AS_OF} timestamptz) on commit drop;
            create temporary table inserted ({key}, {AS_OF} timestamptz) on commit drop;
            create temporary table touched ({key}) on commit drop
        """

    def find_logged(self) -> str:
        """Fills `changed` from what dbt wrote down since the last publish."""
        return f"insert into changed select distinct {listed(self.row)} from {self.log}"

    def find_differing(self) -> str:
        """Fills `changed` by comparing every row: for a table that dbt has built anew."""
        return f"""
            insert into changed
            select {listed(self.row)} from {self.source} as built
            full join (
                select *, true as is_held from {self.history} where valid_to_release is null
            ) as held using ({listed(self.row)})
            where held.is_held is null or {self._differs("built", "held")}
        """

    def find_vanished(self) -> str:
        """Fills `changed` with all that the newest release holds: for a feature view that is no more."""
        return f"""
            insert into changed
            select {listed(self.row)} from {self.history} where valid_to_release is null
        """

    def close_changed(self, release_id: int) -> str:
        """Ends the rows of `changed` that dbt does not hold like that any more."""
        return self._close(
            release_id,
            f"""not exists (
                    select from {self.source} as built
                    where {_equal(self.row, "built", "held")} and not {self._differs("built", "held")}
                )""",
        )

    def close_vanished(self, release_id: int) -> str:
        """Ends all rows of `changed`."""
        return self._close(release_id, "true")

    def _close(self, release_id: int, condition: str) -> str:
        return f"""
            with ended as (
                update {self.history} as held
                set valid_to_release = {release_id}
                from changed
                where {_equal(self.row, "held", "changed")}
                    and held.valid_to_release is null
                    and {condition}
                returning {listed(self.row, "held")}
            )
            insert into closed select * from ended
        """

    def insert(self, release_id: int) -> str:
        """Adds the rows that the newest release does not hold."""
        return f"""
            with added as (
                insert into {self.history} as held ({listed([*self.row, *self.held])}, valid_from_release)
                select {listed([*self.row, *self.built], "built")}, {release_id}
                from changed
                inner join {self.source} as built on {_equal(self.row, "built", "changed")}
                where not exists (
                    select from {self.history} as held
                    where {_equal(self.row, "held", "changed")} and held.valid_to_release is null
                )
                returning {listed(self.row, "held")}
            )
            insert into inserted select * from added
        """

    def touch(self) -> str:
        """Fills `touched` with the entities whose rows differ."""
        return f"""
            insert into touched
            select {listed(self.key)} from closed union select {listed(self.key)} from inserted
        """

    def touch_between(self, low: int, high: int) -> str:
        """Adds to `touched` the entities whose rows differ between two releases."""
        return f"""
            insert into touched
            select {listed(self.key)} from {self.history}
            where valid_from_release > {low} and valid_from_release <= {high}
            union
            select {listed(self.key)} from {self.history}
            where valid_to_release > {low} and valid_to_release <= {high}
            except
            select {listed(self.key)} from touched
        """

    def refresh_online(self, release_id: int) -> str:
        """Brings the online rows of `touched` to the newest of a release, where it has one."""
        names = [AS_OF, *dict.fromkeys(self.held)]
        replaced = ", ".join(f"{quoted(name)} = excluded.{quoted(name)}" for name in names)
        return f"""
            insert into {self.online} ({listed([*self.key, *names])})
            select {listed(self.key, "touched")}, {listed(names, "latest")}
            from touched cross join lateral ({self._latest(names, release_id)}) as latest
            on conflict ({listed(self.key)}) do update set {replaced}
        """

    def remove_vanished_online(self, release_id: int) -> str:
        """Takes entities of `touched` off that have no row in a release."""
        return f"""
            delete from {self.online} as gone using touched
            where {_equal(self.key, "gone", "touched")} and not exists (
                select from {self.history} as held
                where {_equal(self.key, "held", "touched")} and {visible("held", release_id)}
            )
        """

    def count(self) -> str:
        """One row: what became of the rows, see `Counts`."""
        return f"""
            select
                (select count(*) from inserted) - both_count as added,
                both_count as changed,
                (select count(*) from closed) - both_count as closed,
                (select count(*) from touched) as entities
            from (
                select count(*) as both_count from closed inner join inserted using ({listed(self.row)})
            ) as replaced
        """

    def count_unpublished(self) -> str:
        """How many rows of `changed` the newest release holds otherwise than dbt: 0 proves the publish."""
        return f"""
            select count(*)
            from changed
            left join {self.source} as built on {_equal(self.row, "built", "changed")}
            left join {self.history} as held
                on {_equal(self.row, "held", "changed")} and held.valid_to_release is null
            where (built.{AS_OF} is null) <> (held.{AS_OF} is null) or {self._differs("built", "held")}
        """

    def count_stale_online(self, release_id: int) -> str:
        """How many of `touched` are not online as the release's newest row has them: 0 proves the refresh."""
        names = [AS_OF, *dict.fromkeys(self.held)]
        return f"""
            select count(*)
            from touched
            left join {self.online} as shown on {_equal(self.key, "shown", "touched")}
            left join lateral ({self._latest(names, release_id)}) as latest on true
            where row({listed(names, "shown")}) is distinct from row({listed(names, "latest")})
        """

    def _latest(self, names: list[str], release_id: int) -> str:
        return f"""
                select {listed(names, "held")} from {self.history} as held
                where {_equal(self.key, "held", "touched")} and {visible("held", release_id)}
                order by held.{AS_OF} desc
                limit 1
            """

    def _differs(self, built: str, held: str) -> str:
        return f"row({listed(self.built, built)}) is distinct from row({listed(self.held, held)})"
