-- A random sample of the hours of accounts in repositories equals a brute-force count over their
-- raw JSONB, with plain operators and none of the macros that models use. The typed layer is
-- asked for the places of the records only, and for the author of a pull request whose payload
-- names none; that every record has its place is what gharchive_records_are_accounted_for proves.
-- Pins down a wrong kind, outcome or account. That features follow from activity is what their
-- own recounts prove.

with drawn as (

    select
        repository_id,
        actor_id,
        hour
    from {{ ref('int_activity__summed_by_hour') }}
    where
        {{ uncertified('int_activity__summed_by_hour', 'partition_start') }}
        and num_nulls(repository_id, actor_id) = 0
    order by random()
    limit 20

),

sampled as (

    select
        activity.repository_id,
        activity.actor_id,
        activity.hour,
        row_number() over () as sample_id,
        sum(activity.events_count) as events_count,
        sum(activity.pushes_count) as pushes_count,
        sum(activity.stars_count) as stars_count,
        sum(activity.forks_count) as forks_count,
        sum(activity.issues_opened_count) as issues_opened_count,
        sum(activity.issues_closed_count) as issues_closed_count,
        sum(activity.issue_comments_count) as issue_comments_count,
        sum(activity.bot_events_count) as bot_events_count,
        sum(activity.pull_requests_opened_count) as pull_requests_opened_count,
        sum(activity.pull_requests_merged_count) as pull_requests_merged_count,
        sum(activity.pull_requests_rejected_count) as pull_requests_rejected_count,
        sum(activity.authored_pull_requests_opened_count) as authored_opened_count,
        sum(activity.authored_pull_requests_merged_count) as authored_merged_count,
        sum(activity.authored_pull_requests_rejected_count) as authored_rejected_count
    from {{ ref('int_activity__summed_by_hour') }} as activity
    where (activity.repository_id, activity.actor_id, activity.hour) in (
        select
            drawn.repository_id,
            drawn.actor_id,
            drawn.hour
        from drawn
    )
    group by activity.repository_id, activity.actor_id, activity.hour

),

-- An event that an account did and a pull request of its own are counted apart: what is both stands twice.
located as (

    select
        sampled.sample_id,
        events.partition_start,
        events.line_number,
        true as is_own
    from sampled
    cross join
        lateral (
            select
                kept.partition_start,
                kept.line_number
            from {{ ref('stg_gharchive__events') }} as kept
            where
                kept.actor_id = sampled.actor_id
                and kept.repository_id = sampled.repository_id
                and kept.created_at >= sampled.hour
                and kept.created_at < sampled.hour + interval '1 hour'
            order by kept.created_at
            offset 0
        ) as events
    union all
    select
        sampled.sample_id,
        pull_requests.partition_start,
        pull_requests.line_number,
        false as is_own
    from sampled
    inner join {{ ref('int_pull_requests__attributed_to_authors') }} as authored
        on
            sampled.actor_id = authored.author_id
            and sampled.repository_id = authored.repository_id
            and sampled.hour <= authored.created_at
            and sampled.hour + interval '1 hour' > authored.created_at
    inner join {{ ref('stg_gharchive__pull_requests') }} as pull_requests
        on authored.event_id = pull_requests.event_id

),

raw as (

    select
        located.sample_id,
        located.is_own,
        landed.record ->> 'type' as event_type,
        case
            when jsonb_typeof(landed.record -> 'actor') = 'object' then landed.record -> 'actor' ->> 'login'
            else landed.record ->> 'actor'
        end as actor_login,
        landed.record -> 'payload' ->> 'action' as action,
        (landed.record -> 'payload' -> 'pull_request' ->> 'merged')::boolean as is_merged,
        -- Payloads without a flag say nothing of a merge, but for those in which it is an action of its own.
        landed.record -> 'payload' -> 'pull_request' -> 'merged' is not null
        or (landed.record ->> 'created_at')::timestamptz >= '2025-10-07T00:00:00Z' as tells_merges,
        (landed.record -> 'payload' -> 'pull_request' -> 'user' ->> 'id')::bigint as author_id
    from located
    inner join {{ source('headgate', 'loads') }} as loads
        on
            located.partition_start = loads.partition_start
            and loads.contract_source = 'gharchive'
            and loads.status = 'landed'
    cross join lateral (
        select every_record.record
        from (
            {% for landed_source, landed_table in landing_tables('gharchive', 'events') -%}
            select * from {{ source(landed_source, landed_table) }}
            {{ 'union all' if not loop.last }}
            {% endfor -%}
        ) as every_record
        where every_record.load_id = loads.load_id and every_record.line_number = located.line_number
        order by every_record.line_number
        offset 0
    ) as landed

),

told as (

    select
        *,
        case
            when event_type <> 'PullRequestEvent' then null
            when action = 'opened' then 'opened'
            when action = 'merged' or (action = 'closed' and is_merged) then 'merged'
            when action = 'closed' and tells_merges then 'rejected'
        end as any_outcome
    from raw

),

attributed as (

    select
        sampled.sample_id,
        told.is_own,
        told.event_type,
        told.actor_login like '%[bot]' or known_bots.actor_login is not null as is_bot,
        case when told.is_own and told.event_type = 'IssuesEvent' then told.action end as issue_action,
        case when told.is_own then told.any_outcome end as outcome,
        case
            when not told.is_own and coalesce(told.author_id = sampled.actor_id, true) then told.any_outcome
        end as authored_outcome
    from sampled
    left join told on sampled.sample_id = told.sample_id
    left join {{ ref('known_bots') }} as known_bots on told.actor_login = known_bots.actor_login

),

recounted as (

    select
        sample_id,
        count(*) filter (where is_own) as events_count,
        count(*) filter (where is_own and event_type = 'PushEvent') as pushes_count,
        count(*) filter (where is_own and event_type = 'WatchEvent') as stars_count,
        count(*) filter (where is_own and event_type = 'ForkEvent') as forks_count,
        count(*) filter (where issue_action = 'opened') as issues_opened_count,
        count(*) filter (where issue_action = 'closed') as issues_closed_count,
        count(*) filter (where is_own and event_type = 'IssueCommentEvent') as issue_comments_count,
        count(*) filter (where is_own and is_bot) as bot_events_count,
        count(*) filter (where outcome = 'opened') as pull_requests_opened_count,
        count(*) filter (where outcome = 'merged') as pull_requests_merged_count,
        count(*) filter (where outcome = 'rejected') as pull_requests_rejected_count,
        count(*) filter (where authored_outcome = 'opened') as authored_opened_count,
        count(*) filter (where authored_outcome = 'merged') as authored_merged_count,
        count(*) filter (where authored_outcome = 'rejected') as authored_rejected_count
    from attributed
    group by sample_id

),

compared as (

    select
        sampled.repository_id,
        sampled.actor_id,
        sampled.hour,
        to_jsonb(recounted) as expected,
        to_jsonb(sampled) as found
    from sampled
    inner join recounted on sampled.sample_id = recounted.sample_id

)

select
    compared.repository_id,
    compared.actor_id,
    compared.hour,
    counted.key as activity_count,
    counted.value as expected,
    compared.found ->> counted.key as found
from compared
cross join jsonb_each_text(compared.expected) as counted
where counted.value is distinct from compared.found ->> counted.key
