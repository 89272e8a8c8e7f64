"""Files to a published release with every gate, against COPY and plain dbt models without gates.

The baseline is what a dbt user begins with: one jsonb column, one `->>` chain per column, and tables of
features that join each instant of an entity to its events within each window. It has no privacy, quarantine
or release; its rows stand only where events enter, and values over the lifetime are left out.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from bench import tutorial
from bench.figures import Figure, interleave
from bench.hours import measured
from bench.landing import copy_plainly, land, takable_hour
from bench.project import Project
from bench.workbench import Workbench
from headgate.postgres.working import with_connection
from headgate.settings import find_project_dir
from headgate.store.publish import publish

AT_LEAST = 3
#: Windows of most views, as SQL and as in names.
SHORT = {"1h": "1 hour", "24h": "24 hours", "7d": "7 days"}
DISTINCT = "count(distinct {key}) filter (where event_type is not null and {{within}})"
LONG = {"24h": "24 hours", "7d": "7 days", "30d": "30 days"}
#: Measure -> which rows of ACTED count.
EVENTS = {
    "events_count": "event_type is not null",
    "pushes_count": "event_type = 'PushEvent'",
    "stars_count": "event_type = 'WatchEvent'",
    "forks_count": "event_type = 'ForkEvent'",
    "issues_opened_count": "issue_action = 'opened'",
    "issues_closed_count": "issue_action = 'closed'",
    "issue_comments_count": "event_type = 'IssueCommentEvent'",
}
PULL_REQUESTS = {
    f"pull_requests_{name}_count": f"outcome = '{name}'" for name in ("opened", "merged", "rejected")
}
AUTHORED = {
    name: condition.replace("outcome", "authored_outcome") for name, condition in PULL_REQUESTS.items()
}
ACTED = """
select
    events.repository_id, events.actor_id, events.created_at, events.event_type,
    issues.action as issue_action, pull_requests.outcome, null::text as authored_outcome,
    coalesce(events.actor_login like '%[bot]', false) as is_bot,
    case
        when outcome = 'merged' then extract(epoch from events.created_at - pull_request_created_at) / 3600
    end as hours_to_merge
from {{ ref('events') }} as events
left join {{ ref('issues') }} as issues using (event_id)
left join {{ ref('pull_requests') }} as pull_requests using (event_id)
union all
select
    repository_id, author_id, created_at, null, null, null, outcome,
    coalesce(author_login like '%[bot]', false), null
from {{ ref('pull_requests') }} where outcome is not null and author_id is not null
"""
JOINED = """
select
    {keys}, instants.as_of,
    {columns}
from (
    select distinct {names}, date_trunc('hour', created_at, 'UTC') + interval '1 hour' as as_of
    from {{{{ ref('acted') }}}}
) as instants
inner join {{{{ ref('acted') }}}} as acted
    on {same_entity}
    and acted.created_at < instants.as_of and acted.created_at >= instants.as_of - interval '{longest}'
group by {keys}, instants.as_of
"""


def run(bench: Workbench) -> Iterator[Figure]:
    """One figure, on the first server."""
    hours = measured(bench)
    takable = [takable_hour(hour, bench.scratch) for hour in hours]
    turn = _Turn(bench)
    ways = {"baseline": lambda: turn.plainly(takable), "ours": lambda: turn.ours(hours)}
    seconds = interleave(ways, (bench.rounds + 1) // 2, turn.begin)
    name = f"files to a published release with every gate, {len(hours)} hours"
    yield Figure.faster(name, seconds["baseline"], seconds["ours"], AT_LEAST)


def plain_project(folder: Path) -> Path:
    """A dbt project of plain tables."""
    shutil.rmtree(folder, ignore_errors=True)
    models = folder / "models"
    models.mkdir(parents=True)
    shutil.copyfile(find_project_dir() / "profiles.example.yml", folder / "profiles.yml")
    settings = {
        "name": "plain",
        "profile": "headgate",
        "config-version": 2,
        "flags": {"send_anonymous_usage_stats": False},
        "models": {"plain": {"+materialized": "table", "+schema": "plain"}},
    }
    (folder / "dbt_project.yml").write_text(json.dumps(settings))
    sql = {
        **tutorial.all_typed("public.baseline"),
        "acted": ACTED,
        "repository_activity": joined(
            ["repository_id"],
            SHORT,
            {**EVENTS, **PULL_REQUESTS, "bot_events_count": "event_type is not null and is_bot"},
            {
                "contributors_count": DISTINCT.format(key="actor_id"),
                "hours_to_merge_median": (
                    "percentile_cont(0.5) within group (order by hours_to_merge) filter (where {within})"
                ),
            },
        ),
        "actor_activity": joined(
            ["actor_id"],
            SHORT,
            {
                **{name: EVENTS[name] for name in ("events_count", "pushes_count", "issue_comments_count")},
                **AUTHORED,
            },
            {"repositories_count": DISTINCT.format(key="repository_id")},
        ),
        "contributor_activity": joined(
            ["actor_id", "repository_id"], LONG, {"events_count": EVENTS["events_count"], **AUTHORED}, {}
        ),
    }
    for name, select in sql.items():
        (models / f"{name}.sql").write_text(select)
    return folder


def joined(
    keys: Sequence[str], windows: dict[str, str], counts: dict[str, str], others: dict[str, str]
) -> str:
    """A table of features by a window join; `others` are aggregates that say where {within} goes."""
    columns = []
    for window, length in windows.items():
        within = f"acted.created_at >= instants.as_of - interval '{length}'"
        columns += [
            f"count(*) filter (where {condition} and {within}) as {name}_{window}"
            for name, condition in counts.items()
        ]
        columns += [f"{value.format(within=within)} as {name}_{window}" for name, value in others.items()]
    return JOINED.format(
        keys=", ".join(f"instants.{key}" for key in keys),
        names=", ".join(keys),
        columns=",\n    ".join(columns),
        same_entity=" and ".join(f"instants.{key} = acted.{key}" for key in keys),
        longest=list(windows.values())[-1],
    )


class _Turn:
    """Both projects, parsed, on a database where nothing has landed."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench

    def begin(self) -> None:
        """Makes the database anew; releases and the audit log cannot be emptied."""
        self._database = self._bench.database("whole_way", self._bench.servers[0])
        self._project = Project(self._database)
        self._project.dbt("seed")
        self._plain = plain_project(self._database.folder / "plain")
        self._dbt_plainly("parse")
        self._database.execute("create table baseline (record jsonb)", "checkpoint")

    def ours(self, hours: list[Path]) -> None:
        """Landing, everything that dbt builds with its gates, and the release."""
        settings = self._database.settings
        land(self._database, hours)
        self._project.build("--exclude-resource-type", "seed")
        with_connection(settings, lambda connection: publish(connection, settings))

    def plainly(self, hours: list[Path]) -> None:
        """COPY and the tables of the plain project."""
        copy_plainly(self._database, hours, "baseline")
        self._dbt_plainly("run")

    def _dbt_plainly(self, command: str) -> None:
        folders = ("--project-dir", self._plain, "--profiles-dir", self._plain)
        done = subprocess.run(
            [Path(sys.executable).with_name("dbt"), command, *folders],
            env=self._database.env,
            cwd=self._plain,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"dbt {command} of the plain project failed:\n{done.stdout[-4000:]}")
