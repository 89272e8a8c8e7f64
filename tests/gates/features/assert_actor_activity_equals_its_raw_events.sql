-- A random sample of rows equals a brute-force count over the raw JSONB of its windows.
-- Pins down any slip of the running sums and of who a pull request counts for. Where the payload names no
-- author, the author is taken from the typed layer. What looks back for ever is not recounted.
{%- set windows = {'1h': 1, '24h': 24, '7d': 168} %}
{%- set conditions = {
    'events_count': "raw.is_own",
    'pushes_count': "raw.is_own and raw.event_type = 'PushEvent'",
    'issue_comments_count': "raw.is_own and raw.event_type = 'IssueCommentEvent'",
    'pull_requests_opened_count': "raw.is_authored and raw.action = 'opened'",
    'pull_requests_merged_count': "raw.is_authored and (raw.action = 'merged' or (raw.action = 'closed' and raw.is_merged))",
    'pull_requests_rejected_count': "raw.is_authored and raw.action = 'closed' and raw.is_merged is not true",
} %}

with sampled as (

    {{ sampled_rows('actor_activity') }}

),

located_own as (

    select
        sampled.sample_id,
        events.partition_start,
        events.line_number
    from sampled
    cross join lateral (
        select
            kept.partition_start,
            kept.line_number
        from {{ ref('stg_gharchive__events') }} as kept
        where
            kept.actor_id = sampled.actor_id
            and kept.created_at >= sampled.as_of - interval '7 days'
            and kept.created_at < sampled.as_of
        order by kept.created_at
        offset 0
    ) as events

),

located_authored as (

    select
        sampled.sample_id,
        pull_requests.partition_start,
        pull_requests.line_number,
        authored.author_id
    from sampled
    inner join {{ ref('int_pull_requests__attributed_to_authors') }} as authored
        on
            sampled.actor_id = authored.author_id
            and authored.created_at >= sampled.as_of - interval '7 days'
            and sampled.as_of > authored.created_at
    inner join
        {{ ref('stg_gharchive__pull_requests') }} as pull_requests
        on authored.event_id = pull_requests.event_id

),

raw_own as (

    {{ raw_events('located_own') }}

),

raw_authored as (

    {{ raw_events('located_authored') }}

),

raw as (

    select
        raw_own.*,
        true as is_own,
        false as is_authored
    from raw_own
    union all
    select
        raw_authored.*,
        false as is_own,
        coalesce(raw_authored.author_id = sampled.actor_id, true) as is_authored
    from raw_authored
    inner join sampled on raw_authored.sample_id = sampled.sample_id

),

recounted as (

    select
        {%- for window, hours in windows.items() %}
        {{ raw_count(hours, 'raw.is_own', 'distinct raw.repository_id') }} as repositories_count_{{ window }},
        {%- endfor %}
        {%- for column, condition in conditions.items() %}
        {%- for window, hours in windows.items() %}
        {{ raw_count(hours, condition, 'raw.sample_id') }} as {{ column }}_{{ window }},
        {%- endfor %}
        {%- endfor %}
        sampled.sample_id
    from sampled
    left join raw on sampled.sample_id = raw.sample_id
    group by sampled.sample_id

),

compared as (

    select
        sampled.actor_id,
        sampled.as_of,
        to_jsonb(recounted) - 'sample_id' as expected,
        (
            select jsonb_object_agg(entry.key, entry.value)
            from jsonb_each(to_jsonb(sampled)) as entry
            where to_jsonb(recounted) ? entry.key and entry.key <> 'sample_id'
        ) as found
    from sampled
    inner join recounted on sampled.sample_id = recounted.sample_id

)

select * from compared
where expected <> found
