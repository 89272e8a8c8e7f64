{#- Built anew each time: any hour may bring a pull request's last word, and one pass over the outcomes, a few
    events in a hundred, is cheaper than finding out whose. -#}
with outcomes as (

    select * from {{ ref('int_pull_requests__attributed_to_authors') }}

),

openings as (

    {{ first_openings('outcomes') }}

),

-- A rejected pull request can be opened again and merged; a merge is for good.
decisions as (

    select distinct on (pull_request_id)
        pull_request_id,
        outcome = 'merged' as is_merged,
        created_at as decided_at
    from outcomes
    where outcome in ('merged', 'rejected')
    order by pull_request_id asc, outcome = 'merged' desc, created_at desc, event_id desc

),

labelled as (

    select
        openings.pull_request_id,
        openings.repository_id,
        openings.actor_id,
        openings.opened_at,
        decisions.decided_at,
        decisions.is_merged
    from openings
    inner join decisions
        on
            openings.pull_request_id = decisions.pull_request_id
            and openings.opened_at <= decisions.decided_at
    where openings.repository_id is not null and openings.actor_id is not null

)

select * from labelled
