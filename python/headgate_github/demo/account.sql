-- Queries of the demonstration's account. `-- name: <name>` starts one.

-- name: loads
-- One row: what landing did with the demonstration's hours.
select
    count(*) as loads,
    sum(lines_read) as lines_read,
    sum(rows_landed) as rows_landed,
    sum(rows_rejected) as rows_rejected,
    sum(rows_repaired) as rows_repaired,
    sum(typed_count) as typed,
    sum(quarantined_count) as quarantined,
    sum(duplicates_count) as duplicates
from typed.stg_gharchive__load_outcomes
where status = 'landed';

-- name: gates
-- One row: how many gates there are by their latest result.
select
    count(*) as gates,
    count(*) filter (where status = 'pass') as passed,
    count(*) filter (where status = 'warn') as warned,
    count(*) filter (where status not in ('pass', 'warn')) as failed
from (select distinct on (gate) gate, status from ops.gate_results order by gate, ran_at desc) as latest;

-- name: warned
-- A row per gate that warned when it ran last.
select gate, model, failures
from (select distinct on (gate) * from ops.gate_results order by gate, ran_at desc) as latest
where status = 'warn'
order by gate;

-- name: features
-- A row per feature view: how many rows and entities it has.
select 'repository_activity' as feature_view, count(*) as rows, count(distinct repository_id) as entities
from feature_store.repository_activity
union all
select 'actor_activity', count(*), count(distinct actor_id)
from feature_store.actor_activity
union all
select 'contributor_activity', count(*), count(distinct (actor_id, repository_id))
from feature_store.contributor_activity;

-- name: repositories
-- The repositories where most happened within the 24 hours before the processed hour, with their features there.
select
    names.repository_name,
    latest.events_count_24h,
    latest.pushes_count_24h,
    latest.stars_count_24h,
    latest.contributors_count_24h,
    latest.pull_requests_opened_count_7d,
    latest.pull_requests_merged_count_7d,
    latest.merge_rate_7d
from feature_store.repository_activity_online as latest
cross join lateral (
    select events.repository_name
    from typed.stg_gharchive__events as events
    where events.repository_id = latest.repository_id
    order by events.created_at desc
    limit 1
) as names
order by latest.contributors_count_24h desc, latest.events_count_24h desc, latest.repository_id
limit 8;
