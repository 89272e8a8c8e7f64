{#- Built anew each time: any hour may bring an opening late, or the merge of one. -#}
with outcomes as (

    select * from {{ ref('int_pull_requests__attributed_to_authors') }}

),

openings as (

    {{ first_openings('outcomes') }}

),

merged as (

    select
        pull_request_id,
        min(created_at) as merged_at
    from outcomes
    where outcome = 'merged'
    group by pull_request_id

),

known as (

    select max(created_at) as known_to from outcomes

),

labelled as (

    select
        openings.pull_request_id,
        openings.repository_id,
        openings.actor_id,
        openings.opened_at,

        -- What the opening itself tells.
        opened.author_login = split_part(opened.base_repository_name, '/', 1) as is_own_repository,
        coalesce(opened.head_repository_id <> opened.base_repository_id, true) as is_cross_repository,
        opened.base_repository_language as repository_language,
        opened.base_repository_stars_count as repository_stars_count,
        opened.base_repository_forks_count as repository_forks_count,
        opened.base_repository_open_issues_count as repository_open_issues_count,
        opened.commits_count,
        opened.changed_files_count,
        opened.additions_count,
        opened.deletions_count,
        length(opened.title) as title_length,
        opened.body_length,
        date_part('hour', openings.opened_at at time zone 'UTC')::integer as opened_hour,
        date_part('isodow', openings.opened_at at time zone 'UTC')::integer as opened_weekday,

        -- Null while the horizon is not over, merged or not: of the last hours only merges would be known.
        case
            when openings.opened_at + interval '3 hours' <= known.known_to
                then coalesce(merged.merged_at <= openings.opened_at + interval '3 hours', false)
        end as is_merged
    from openings
    inner join {{ ref('stg_gharchive__pull_requests') }} as opened on openings.event_id = opened.event_id
    cross join known
    left join merged on openings.pull_request_id = merged.pull_request_id
    where openings.repository_id is not null and openings.actor_id is not null

)

select * from labelled
