{#
    Where the pull request events are that count for the author of each sampled row, as far back as its longest window: the
    body of a CTE with (sample_id, partition_start, line_number, author_id). Asks for a CTE `sampled` with actor_id, see
    sampled_rows().

    Args:
        longest: the longest window as an interval, for instance '7 days'.
        keys: further columns that the feature view and the pull requests share, for instance ['repository_id'].
#}
{% macro located_pull_requests(longest, keys=[]) -%}
    select
        sampled.sample_id,
        pull_requests.partition_start,
        pull_requests.line_number,
        authored.author_id
    from sampled
    inner join {{ ref('int_pull_requests__attributed_to_authors') }} as authored
        on
            sampled.actor_id = authored.author_id
            {%- for key in keys %}
            and sampled.{{ key }} = authored.{{ key }}
            {%- endfor %}
            and authored.created_at >= sampled.as_of - interval '{{ longest }}'
            and sampled.as_of > authored.created_at
    inner join
        {{ ref('stg_gharchive__pull_requests') }} as pull_requests
        on authored.event_id = pull_requests.event_id
{%- endmacro %}
