"""Feature values recomputed by brute force: every event of an entity before an instant, counted one by one.

Shares nothing with the models that compute features: no hourly sums, no running sums, no marks of duplicates.
Only events of given partitions count, so a value can be recomputed as an older release knew it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

#: Of which contract the loads are.
SOURCE = "gharchive"
#: Deliveries of the partitions that a release was made of; of an event delivered twice the last one counts.
EVENTS = """
    select distinct on (sampled.sample_id, delivered.event_id)
        sampled.sample_id, sampled.hour, delivered.event_id, delivered.event_type, delivered.created_at,
        delivered.actor_id, delivered.actor_login, delivered.repository_id
    from sampled
    inner join typed.stg_gharchive__deliveries as delivered
        on {match} and delivered.created_at < sampled.hour
            and delivered.partition_start = any({partitions})
    order by
        sampled.sample_id, delivered.event_id, delivered.partition_start desc, delivered.line_number desc
"""
#: What an event says about issues and pull requests, and the opening of its pull request if it was seen.
OWN = """
    select
        events.sample_id, events.hour, events.event_type, events.created_at, events.actor_id,
        events.repository_id, true as is_own, issues.action as issue_action, {outcome} as outcome,
        (events.actor_login like '%[bot]' or events.actor_login in (select actor_login from typed.known_bots))
            as is_bot,
        extract(
            epoch from coalesce(pulls.pull_request_merged_at, events.created_at)
            - coalesce(pulls.pull_request_created_at, opening.created_at)
        ) / 3600 as hours_to_merge
    from events
    left join typed.stg_gharchive__issues as issues on issues.event_id = events.event_id
    left join typed.stg_gharchive__pull_requests as pulls on pulls.event_id = events.event_id
    left join lateral (
        select first.created_at from typed.stg_gharchive__pull_requests as first
        where first.pull_request_id = pulls.pull_request_id and first.outcome = 'opened'
            and first.partition_start = any({partitions})
        order by first.created_at, first.event_id limit 1
    ) as opening on true
"""
#: Outcomes of pull requests under their author: as the payload says, else whoever was seen opening it.
AUTHORED = """
    select
        sampled.sample_id, sampled.hour, null as event_type, pulls.created_at, null::bigint as actor_id,
        pulls.repository_id, false as is_own, null as issue_action, pulls.outcome,
        (
            coalesce(pulls.author_login, opening.actor_login) like '%[bot]'
            or coalesce(pulls.author_login, opening.actor_login)
            in (select actor_login from typed.known_bots)
        ) as is_bot,
        null::numeric as hours_to_merge
    from sampled
    inner join typed.int_pull_requests__attributed_to_authors as attributed
        on attributed.author_id = sampled.actor_id and attributed.created_at < sampled.hour {match}
    inner join typed.stg_gharchive__pull_requests as pulls
        on pulls.event_id = attributed.event_id and pulls.partition_start = any({partitions})
    left join lateral (
        select first.actor_id, first.actor_login from typed.stg_gharchive__pull_requests as first
        where first.pull_request_id = pulls.pull_request_id and first.outcome = 'opened'
            and first.partition_start = any({partitions})
        order by first.created_at, first.event_id limit 1
    ) as opening on true
    where pulls.outcome is not null and coalesce(pulls.author_id, opening.actor_id) = sampled.actor_id
"""
OPENED, MERGED, REJECTED = (f"events.outcome = '{outcome}'" for outcome in ("opened", "merged", "rejected"))
PULL_REQUESTS = {
    "pull_requests_opened_count": OPENED,
    "pull_requests_merged_count": MERGED,
    "pull_requests_rejected_count": REJECTED,
}
OWN_COUNTS = {
    "events_count": "events.is_own",
    "pushes_count": "events.event_type = 'PushEvent'",
    "issue_comments_count": "events.event_type = 'IssueCommentEvent'",
}


@dataclass(frozen=True)
class Recount:
    """How one feature view is recomputed."""

    #: Key column -> PostgreSQL type.
    keys: Mapping[str, str]
    #: Suffix of a column -> hours.
    windows: Mapping[str, int]
    #: Measure -> which events it counts.
    counts: Mapping[str, str]
    #: Measure -> what it counts without repetition.
    distinct_counts: Mapping[str, str]
    #: Column -> expression over all events before the hour.
    others: Mapping[str, str]
    #: Window of the merge rate.
    rate: str
    #: Whether pull requests count under their author.
    by_author: bool

    @property
    def statement(self) -> str:
        """One row per sample: its columns, and `events_seen`, how many events it rests on.

        Parameters: sample numbers, the key columns, hours, all arrays of equal length; then the partitions.
        """
        names = list(self.keys)
        arrays = ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(self.keys.values(), 2))
        hours, partitions = f"${len(names) + 2}::timestamptz[]", f"${len(names) + 3}::timestamptz[]"
        match = " and ".join(f"delivered.{name} = sampled.{name}" for name in names)
        outcome = "null::text" if self.by_author else "pulls.outcome"
        parts = [f"select * from ({OWN.format(outcome=outcome, partitions=partitions)}) as own"]
        if self.by_author:
            other = "".join(
                f" and attributed.{name} = sampled.{name}" for name in names if name != "actor_id"
            )
            parts.append(AUTHORED.format(match=other, partitions=partitions))
        return f"""
            with sampled as (
                select * from unnest($1::integer[], {arrays}, {hours})
                    as drawn (sample_id, {", ".join(names)}, hour)
            ),
            events as ({EVENTS.format(match=match, partitions=partitions)}),
            counted as ({" union all ".join(parts)})
            select sampled.sample_id, count(events.created_at) as events_seen, {self._columns()}
            from sampled left join counted as events on events.sample_id = sampled.sample_id
            group by sampled.sample_id
        """

    def _columns(self) -> str:
        found = {}
        for window, hours in self.windows.items():
            inside = f"events.created_at >= events.hour - interval '{hours} hours'"
            for measure, condition in self.counts.items():
                found[f"{measure}_{window}"] = f"count(*) filter (where {condition} and {inside})"
            for measure, counted in self.distinct_counts.items():
                found[f"{measure}_{window}"] = f"count(distinct {counted}) filter (where {inside})"
        inside = f"events.created_at >= events.hour - interval '{self.windows[self.rate]} hours'"
        merged, decided = (
            f"count(*) filter (where {condition} and {inside})"
            for condition in (MERGED, f"({MERGED} or {REJECTED})")
        )
        found[f"merge_rate_{self.rate}"] = f"({merged})::double precision / nullif({decided}, 0)"
        found |= self.others
        return ", ".join(f"{expression} as {column}" for column, expression in found.items())


FIRST_SEEN = {"first_seen_at": "min(events.created_at) filter (where events.is_own)"}
SHORT = {"1h": 1, "24h": 24, "7d": 168}
RECOUNTS = {
    "repository_activity": Recount(
        keys={"repository_id": "bigint"},
        windows=SHORT,
        counts={
            **OWN_COUNTS,
            **PULL_REQUESTS,
            "stars_count": "events.event_type = 'WatchEvent'",
            "forks_count": "events.event_type = 'ForkEvent'",
            "issues_opened_count": "events.event_type = 'IssuesEvent' and events.issue_action = 'opened'",
            "issues_closed_count": "events.event_type = 'IssuesEvent' and events.issue_action = 'closed'",
            "bot_events_count": "events.is_bot",
        },
        distinct_counts={"contributors_count": "events.actor_id"},
        others={
            **FIRST_SEEN,
            "last_push_at": "max(events.created_at) filter (where events.event_type = 'PushEvent')",
            "hours_to_merge_median_7d": "percentile_cont(0.5) within group ("
            "order by events.hours_to_merge::double precision) filter ("
            f"where {MERGED} and events.created_at >= events.hour - interval '168 hours')",
        },
        rate="7d",
        by_author=False,
    ),
    "actor_activity": Recount(
        keys={"actor_id": "bigint"},
        windows=SHORT,
        counts={**OWN_COUNTS, **PULL_REQUESTS},
        distinct_counts={"repositories_count": "case when events.is_own then events.repository_id end"},
        others={
            **FIRST_SEEN,
            "last_seen_at": "max(events.created_at) filter (where events.is_own)",
            "is_bot": "coalesce(bool_or(events.is_bot), false)",
        },
        rate="7d",
        by_author=True,
    ),
    "contributor_activity": Recount(
        keys={"actor_id": "bigint", "repository_id": "bigint"},
        windows={"24h": 24, "7d": 168, "30d": 720},
        counts={"events_count": "events.is_own", **PULL_REQUESTS},
        distinct_counts={},
        others=FIRST_SEEN,
        rate="30d",
        by_author=True,
    ),
}
