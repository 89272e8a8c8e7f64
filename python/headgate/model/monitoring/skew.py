"""Whether what was served is what the feature store says: recomputed from its history."""

from __future__ import annotations

from typing import Any

from headgate.model.deployment.evidence import key_names
from headgate.model.signature import Input, Signature
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection
from headgate.store.views import FeatureView, history, quoted, views_of_release

#: Of one view: values that differ at the served instant, rows without one, and rows that lagged behind.
COMPARED = """
    with served as (
        select key, features, (as_of ->> {name})::timestamptz as served_at from day_sample
        where release_id = {release}
    )

    select
        count(*) as compared,
        count(*) filter (where held.is_there is null and served.served_at is not null) as unknown,
        count(*) filter (where {differs}) as differing,
        count(*) filter (
            where newest.as_of is not null and newest.as_of is distinct from served.served_at
        ) as behind
    from served
    left join lateral (
        select true as is_there, found.* from {history} as found
        where {key} and found.as_of = served.served_at and {visible}
        limit 1
    ) as held on true
    left join lateral (
        select found.as_of from {history} as found
        where {key} and {visible}
        order by found.as_of desc limit 1
    ) as newest on true
"""


async def skew(connection: Connection, version: ModelVersion) -> list[dict[str, Any]]:
    """By release and view: answers compared, and those with other values than the store's; all must be zero.

    `unknown` were served at an instant that the release has no row of, `differing` with other values than
    that row, `behind` from an older row than the release's newest: a stale online table.
    """
    releases = await connection.fetch(
        "select distinct release_id from day_sample where release_id is not null order by 1"
    )
    signature = Signature.from_dict(version.manifest["signature"])
    found = []
    for (release,) in releases:
        views = await views_of_release(connection, release)
        for name in version.manifest["views"].keys() & views.keys():
            inputs = [given for given in signature.fetched if given.view == name]
            statement = _statement(views[name], inputs, key_names(version), release)
            row = await connection.fetchrow(statement)
            assert row is not None
            found.append({"release_id": release, "view": name, **dict(row)})
    return found


def _statement(view: FeatureView, inputs: list[Input], keys: list[str], release: int) -> str:
    stored = {column.name: column for column in view.columns}
    differs = [
        f"(served.features ->> '{given.name}')::{column.type}"
        f" is distinct from held.{quoted(column.stored_as)}"
        for given in inputs
        for column in [stored[given.name.removeprefix(f"{view.name}__")]]
    ]
    key = [
        f"found.{quoted(name)} = split_part(served.key, '|', {keys.index(name) + 1})::{kind}"
        for name, kind in view.keys
    ]
    visible = (
        f"found.valid_from_release <= {release}"
        f" and (found.valid_to_release is null or found.valid_to_release > {release})"
    )
    return COMPARED.format(
        name=f"'{view.name}'",
        release=release,
        differs=f"held.is_there and ({' or '.join(differs) or 'false'})",
        history=history(view.name),
        key=" and ".join(key),
        visible=visible,
    )
