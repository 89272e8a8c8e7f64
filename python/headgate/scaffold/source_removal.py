"""What goes with a source that nobody has published, and what holds it: releases, loads of other sources."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from headgate.errors import HeadgateError, UsageError
from headgate.report import number_of
from headgate.scaffold.mage import MAGE
from headgate.scaffold.removal import Removal, foreign, own_nodes, views_over
from headgate.sources.declared import declared_sources
from headgate.store import ledger

if TYPE_CHECKING:
    import psycopg2.extensions


#: Releases whose rows rest on a source's loads.
RELEASES = f"""
    with {ledger.HELD}

    select array_agg(distinct releases.release_id order by releases.release_id)
    from held
    inner join ops.loads as loads using (load_id)
    inner join ops.releases as releases
        on releases.release_id >= held.since and (held.until is null or releases.release_id < held.until)
    where %s in (loads.source, loads.contract_source) and releases.status <> 'compacted'
"""  # noqa: S608


def files_of(project_dir: Path, source: str) -> list[str]:
    """The files and folders that `new source` writes for a source, as far as they are there.

    Raises:
        UsageError: there is no such source, or it was not written by `new source`.
    """
    if source not in declared_sources(project_dir) or not (project_dir / "macros" / source).is_dir():
        written = [name for name in declared_sources(project_dir) if (project_dir / "macros" / name).is_dir()]
        raise UsageError(
            f"source {source}",
            expected=f"a source that `headgate new source` wrote: {', '.join(written) or 'there is none'}",
            found="none of this name",
            next_step="correct the name",
        )
    paths = [
        f"models/staging/{source}",
        # Where earlier versions put what now stands with the staging models.
        f"models/monitoring/{source}_observed_paths.sql",
        f"models/monitoring/{source}_observed_paths.yml",
        f"macros/{source}",
        f"{MAGE}/pipelines/ingest_{source}",
        *(f"{MAGE}/{folder}/{source}" for folder in ("sensors", "data_loaders", "transformers")),
    ]
    return [path for path in paths if (project_dir / path).exists()]


def plan_removal(
    project_dir: Path, source: str, manifest: Mapping[str, Any], connection: psycopg2.extensions.connection
) -> Removal:
    """What goes with a source, from dbt's graph and the database.

    Raises:
        HeadgateError: a release rests on it, another source's loads are typed by it, or it is being landed.
    """
    files = files_of(project_dir, source)
    models, gates = own_nodes(manifest, files)
    named = [f"{node['schema']}.{node['alias']}" for node in models]
    with connection, connection.cursor() as cursor:
        require_free(cursor, source)
        relations = tuple(sorted(set(named) - foreign(cursor, named)))
        cursor.execute(
            "select load_id, coalesce(rows_landed, 0) from ops.loads where source = %s order by 1", (source,)
        )
        loads = cursor.fetchall()
        return Removal(
            kind="source",
            name=source,
            files=tuple(files),
            models=tuple(sorted(node["name"] for node in models)),
            relations=relations,
            gates=tuple(sorted(node["alias"] for node in gates)),
            rebuilt=tuple(views_over(cursor, relations)),
            loads=tuple(load for load, _ in loads),
            records=sum(rows for _, rows in loads),
        )


def require_free(cursor: Any, source: str) -> None:
    """Refuses a source that something rests on, or somebody works on."""
    cursor.execute(RELEASES, (source,))
    if releases := cursor.fetchone()[0]:
        raise HeadgateError(
            f"source {source}",
            expected="a source that no release rests on",
            found=f"its loads in release {', '.join(map(str, releases))}",
            next_step="keep it and change its contract (headgate plan, headgate apply), or remove the views"
            " over it, publish, and have older releases compacted: headgate compact --keep 1",
        )
    cursor.execute(
        """
        select
            count(*) filter (where status = 'running'),
            count(*) filter (where source <> %(source)s)
        from ops.loads where %(source)s in (source, contract_source)
        """,
        {"source": source},
    )
    running, others = cursor.fetchone()
    if running or others:
        raise HeadgateError(
            f"source {source}",
            expected="a source that nobody lands now, and that types no other source's loads",
            found=f"{number_of(running, 'running load')}, {number_of(others, 'load')} of other sources",
            next_step="wait until they have landed, and run the command again",
        )
