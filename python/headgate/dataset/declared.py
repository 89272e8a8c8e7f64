"""The recount of declared feature views: by SQL that follows from the declaration and stands with it.

dbt records the statement with the definition that built a view (`ops.model_definitions`), so a release is
recounted by the declaration that it was built from, whatever the project declares by now.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.postgres.connection import Connection
from headgate.store.reading.catalog import PublishedView
from headgate.store.views import AS_OF, history

#: The statement; whether the typed events are those that the release was made of: nothing was built of these
#: sources since, and nothing before that the release does not hold.
RECOUNT = """
    select
        definitions.recount,
        array(select rests.source from ops.model_sources as rests where rests.model = views.view) as sources,
        not exists (
            select from ops.built_partitions as built
            where
                built.source in (
                    select rests.source from ops.model_sources as rests where rests.model = views.view
                )
                and (
                    built.built_at > releases.published_at
                    or built.load_id > 0 and built.load_id <> all($3::bigint[])
                )
        ) as is_intact
    from ops.release_views as views
    inner join ops.releases as releases using (release_id)
    inner join ops.model_definitions as definitions using (definition)
    where views.release_id = $1 and views.view = $2 and definitions.recount is not null
"""
#: Up to this instant the view of a release has a row wherever a value changes.
LAST = """
    select max({as_of}) from {history}
    where valid_from_release <= $1 and (valid_to_release is null or valid_to_release > $1)
"""


@dataclass(frozen=True)
class DeclaredRecount:
    """How a declared view of a release is recounted."""

    statement: str
    #: Whether the events that it was made of still stand as they were.
    is_intact: bool

    async def counted(
        self,
        connection: Connection,
        release_id: int,
        view: PublishedView,
        sample: Sequence[Mapping[str, Any]],
        instant: str,
        loads: Sequence[Any],
    ) -> list[tuple[Mapping[str, Any], dict[str, Any]]]:
        """Sampled rows, and the values that each should have; none of an entity without events.

        Args:
            connection: to the database.
            release_id: the release.
            view: the feature view.
            sample: rows of a dataset.
            instant: their column with the instants.
            loads: what the release was made of: contract_source and partition_start.
        """
        last = await connection.fetchval(LAST.format(as_of=AS_OF, history=history(view.name)), release_id)
        known = [end for end in (last, view.processed_to) if end is not None]
        found = await connection.fetch(
            self.statement,
            list(range(len(sample))),
            *([row[name] for row in sample] for name in view.key_names),
            [min(row[instant], *known) for row in sample],
            [row[f"{view.name}__{AS_OF}"] for row in sample],
            [load["contract_source"] for load in loads],
            [load["partition_start"] for load in loads],
        )
        return [(sample[row["drawn_id"]], _expected(view, dict(row))) for row in found]


async def declared_recount(
    connection: Connection, release_id: int, view: str, loads: Sequence[Any]
) -> DeclaredRecount | None:
    """The recount of a view of a release; None when it is not declared, or was built before one was kept."""
    found = await connection.fetchrow(RECOUNT, release_id, view, [load["load_id"] for load in loads])
    if found is None:
        return None
    gone = [load for load in loads if load["contract_source"] in found["sources"] and not load["is_intact"]]
    return DeclaredRecount(found["recount"], found["is_intact"] and not gone)


def _expected(view: PublishedView, counted: Mapping[str, Any]) -> dict[str, Any]:
    columns = [column.name for column in view.columns if column.name in counted]
    if not counted["any_events"]:
        return {AS_OF: None, **dict.fromkeys(columns)}
    return {name: counted[name] for name in columns}
