-- The labels, counted anew from the typed events without any order: whoever was opened and decided with a
-- known author has one row, merged when any event says so.
with events as (

    select
        pull_requests.pull_request_id,
        min(pull_requests.created_at) filter (where pull_requests.outcome = 'opened') as opened_at,
        max(pull_requests.created_at) filter (
            where pull_requests.outcome in ('merged', 'rejected')
        ) as last_decided_at,
        max(pull_requests.created_at) filter (where pull_requests.outcome = 'merged') as merged_at
    from {{ ref('stg_gharchive__pull_requests') }} as pull_requests
    group by pull_requests.pull_request_id

),

expected as (

    select
        events.pull_request_id,
        events.opened_at,
        coalesce(events.merged_at, events.last_decided_at) as decided_at,
        events.merged_at is not null as is_merged
    from events
    where
        coalesce(events.merged_at, events.last_decided_at) >= events.opened_at
        and exists (
            select 1 from {{ ref('int_pull_requests__attributed_to_authors') }} as attributed
            where
                attributed.pull_request_id = events.pull_request_id
                and attributed.outcome = 'opened'
                and attributed.created_at = events.opened_at
                and attributed.author_id is not null
                and attributed.repository_id is not null
        )

),

found as (

    select
        labels.pull_request_id,
        labels.opened_at,
        labels.decided_at,
        labels.is_merged
    from {{ ref('pull_request_outcomes') }} as labels

)

select
    coalesce(expected.pull_request_id, found.pull_request_id) as pull_request_id,
    to_jsonb(expected) as expected,
    to_jsonb(found) as found
from expected
full outer join found on expected.pull_request_id = found.pull_request_id
where to_jsonb(expected) is distinct from to_jsonb(found)
