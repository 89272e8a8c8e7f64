"""What goes with a declared feature view, and what stays of it: published values, datasets."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from headgate.errors import HeadgateError, UsageError
from headgate.scaffold.removal import Removal, foreign, own_nodes, views_over

if TYPE_CHECKING:
    import psycopg2.extensions

#: Releases whose values of the view can be read, the active one, and datasets that joined it.
PUBLISHED = """
    select
        array(
            select views.release_id
            from ops.release_views as views
            inner join ops.releases as releases using (release_id)
            where views.view = %(view)s and releases.status <> 'compacted'
            order by 1
        ),
        array(
            select active.release_id
            from feature_store.active_release as active
            inner join ops.release_views as views using (release_id)
            where views.view = %(view)s
        ),
        array(
            select format('%%s version %%s', name, version) from ops.datasets
            where %(view)s = any(views)
            order by dataset_id
        )
"""
#: Which of these there are, in order.
STANDING = """
    select name from unnest(%s) with ordinality as named (name, place)
    where to_regclass(name) is not null order by place
"""


def plan_view_removal(
    name: str, manifest: Mapping[str, Any], connection: psycopg2.extensions.connection
) -> Removal:
    """What goes with a feature view, from dbt's graph and the database.

    Raises:
        UsageError: there is no such declared view, or its files hold something else, too.
        HeadgateError: another model, gate or exposure reads it.
    """
    view = _declared(manifest, name)
    files = _files(manifest, view)
    _require_unread(manifest, view, files)
    _, gates = own_nodes(manifest, files)
    relation = f"{view['schema']}.{view['alias']}"
    with connection, connection.cursor() as cursor:
        relations = {relation} - foreign(cursor, [relation])
        state = [f"ops.{kind}_{view['alias']}" for kind in ("entries", "changed")]
        cursor.execute(STANDING, ([*state, *sorted(_own_indexes(manifest, view))],))
        standing = [name for (name,) in cursor.fetchall()]
        cursor.execute(PUBLISHED, {"view": view["alias"]})
        published = cursor.fetchone() or ([], [], [])
        return Removal(
            kind="feature view",
            name=name,
            files=files,
            models=(name,),
            relations=(*relations, *standing),
            gates=tuple(sorted(node["alias"] for node in gates)),
            rebuilt=tuple(views_over(cursor, sorted(relations))),
            stays=tuple(_stays(*published)),
        )


def require_nothing(_cursor: Any, _name: str) -> None:
    """What was published of a feature view stays: nothing holds it."""


def _declared(manifest: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    views = {
        node["name"]: node
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model" and node["config"]["meta"].get("feature_view")
    }
    if name not in views:
        raise UsageError(
            f"feature view {name}",
            expected=f"a declared feature view: {', '.join(sorted(views)) or 'there is none'}",
            found="none of this name",
            next_step="correct the name",
        )
    found: Mapping[str, Any] = views[name]
    return found


def _files(manifest: Mapping[str, Any], view: Mapping[str, Any]) -> tuple[str, ...]:
    """The view's own files; refused where they describe other models, too."""
    described = view["patch_path"]
    others = [
        node["name"]
        for node in manifest["nodes"].values()
        if described and node.get("patch_path") == described and node["unique_id"] != view["unique_id"]
    ]
    if others:
        raise UsageError(
            f"feature view {view['name']}",
            expected="a file of its own for its description",
            found=f"{', '.join(others)} in {described.partition('://')[2]}, too",
            next_step="move them into files of their own",
        )
    return (view["original_file_path"], *([described.partition("://")[2]] if described else []))


def _require_unread(manifest: Mapping[str, Any], view: Mapping[str, Any], files: tuple[str, ...]) -> None:
    """Refuses a view that something outside its files reads."""
    known = {**manifest["nodes"], **manifest["exposures"], **manifest["unit_tests"]}
    readers = [known[child] for child in manifest["child_map"][view["unique_id"]] if child in known]
    outside = sorted(
        f"{node['name']} ({node['original_file_path']})"
        for node in readers
        if node["original_file_path"] not in files
    )
    if outside:
        raise HeadgateError(
            f"feature view {view['name']}",
            expected="a view that nothing reads",
            found=", ".join(outside),
            next_step="remove first what reads it",
        )


def _own_indexes(manifest: Mapping[str, Any], view: Mapping[str, Any]) -> set[str]:
    """Indexes on its events that no other view has a use for."""
    others = [
        node
        for node in manifest["nodes"].values()
        if node["config"]["meta"].get("feature_view") and node["unique_id"] != view["unique_id"]
    ]
    used = {index for other in others for index in _indexes(manifest, other)}
    return set(_indexes(manifest, view)) - used


def _indexes(manifest: Mapping[str, Any], view: Mapping[str, Any]) -> Iterator[str]:
    """As prepare_feature_view() names them; those of distinct values stand only where they are carried on."""
    declared = view["config"]["meta"]["feature_view"]
    schemas = {node["alias"]: node["schema"] for node in manifest["nodes"].values()}
    distinct = [
        measure for measure in declared["measures"].values() if "count_distinct" in measure["operations"]
    ]
    for name, model in declared["events"].items():
        at = declared["at"][name] if isinstance(declared["at"], dict) else declared["at"]
        keys = (declared.get("event_keys") or {}).get(name) or declared["keys"]
        for columns in ([*keys, at], *([*keys, measure.get("of") or "true", at] for measure in distinct)):
            digest = hashlib.md5(f"{model}{', '.join(columns)}".encode(), usedforsecurity=False)
            yield f"{schemas[model]}.events_by_{digest.hexdigest()[:16]}"


def _stays(releases: list[int], active: list[int], datasets: list[str]) -> Iterator[str]:
    if releases:
        named = ", ".join(map(str, releases))
        yield f"its values in release {named}, which can be read and rolled back to"
    if active:
        yield "in what consumers read now, until the next publish drops it: that asks for approval"
    if datasets:
        yield f"in dataset {', '.join(datasets)}, which can be rebuilt"
