"""Whether a scheduled build would find anything new; builds that would not are left out."""

from __future__ import annotations

from typing import Any

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate.pipelines.waiting import query, waiting_loads
from headgate.settings import Settings
from headgate.store.provenance import project_hash

#: What is new since the last build that was published, by the moment at which that build looked. Arrivals are
#: what a scheduled build waits for.
NEWS = """
    with published as (
        select looked_at, project_hash from ops.scheduled_builds
        where published_at is not null order by looked_at desc limit 1
    ),

    last as (
        select
            coalesce(max(looked_at), '-infinity') as looked_at,
            max(project_hash) as project_hash,
            count(*) = 0 as is_none
        from published
    )

    select reason, is_arrival
    from last
    cross join lateral (
        values
        ('nothing was published by a scheduled build so far', last.is_none, false),
        ('files of the project changed', last.project_hash <> %(project)s, false),
        ('something landed', exists (
            select from ops.loads
            where (status = 'open' and lines_read > 0) or (status = 'landed' and finished_at > looked_at)
        ), true),
        ('a decision was made', exists (
            select from ops.decisions where decided_at > looked_at and action <> 'expire load'
        ), true),
        ('another release was made active, or changes were approved', exists (
            select from ops.release_events
            where happened_at > looked_at and action in ('rollback', 'approve')
        ), false),
        ('a partition lacks the verdict of a gate', exists (select from ops.missing_verdicts), false),
        ('a gate failed', exists (
            select from ops.gate_results where ran_at > looked_at and status in ('fail', 'error')
        ), false),
        ('a relation is missing', exists (
            select from ops.deployed_models
            where to_regclass(format('%%I.%%I', relation_schema, model)) is null
        ), false)
    ) as found (reason, is_so, is_arrival)
    where is_so
"""
#: A look is answered by a build of everything that began after it, on the files that it saw.
ANSWER = """
    update ops.scheduled_builds as looks set published_at = clock_timestamp()
    where
        published_at is null
        and project_hash = %(project)s
        and exists (
            select from ops.dbt_runs
            where whole and succeeded_at is not null and began_at > looks.looked_at
        )
"""
FORGET = """
    delete from ops.scheduled_builds
    where looked_at < (select max(looked_at) from ops.scheduled_builds where published_at is not null)
"""


def look(settings: Settings, connection: Psycopg2Connection) -> str | None:
    """Why a build is due, and notes that it was looked for; None when it would come to what stands."""
    project = project_hash(settings.project_dir)
    reasons = [str(reason) for reason, _ in query(connection, NEWS, {"project": project})]
    if not reasons and waiting_loads(settings, connection):
        reasons = ["a load waits for a build"]
    if not reasons:
        return None
    query(connection, "insert into ops.scheduled_builds (project_hash) values (%s)", [project])
    return reasons[0]


def has_arrived(connection: Psycopg2Connection) -> bool:
    """Whether a load or a decision is new, or messages wait in an open load."""
    return any(is_arrival for _, is_arrival in query(connection, NEWS, {"project": None}))


def note_published(settings: Settings, connection: Psycopg2Connection) -> None:
    """Notes which looks are answered now that everything is built and published."""
    arguments: dict[str, Any] = {"project": project_hash(settings.project_dir)}
    query(connection, ANSWER, arguments)
    query(connection, FORGET)
