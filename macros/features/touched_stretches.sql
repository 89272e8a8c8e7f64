{#
    The stretches of time in which values of an entity may change when partitions are added: a CTE `touched`, and those that
    it rests on. A partition touches what lies within a window of its events, and of those that it held before; as time goes
    on, windows also let go of events. Where events entered is kept in entries_table().
#}
{% macro touched_stretches(view, partitions) -%}
{%- set key_list = view.entity | join(', ') -%}
{%- set last = 'as_of + ' ~ seconds_interval(view.longest) if view.longest else "timestamptz 'infinity'" -%}
added as (

    {{ partition_entries(view, partitions) }}

),

processed as (

    select
        (select max(as_of) from {{ entries_table() }}) as processed_from,
        greatest(
            (select max(as_of) from added),
            (select max(as_of) from {{ entries_table() }} where not {{ in_source_partitions(partitions) }}),
            {{ reached_by(view) }}
        ) as processed_to

),

touches as (

    select {{ key_list }}, as_of as first_as_of, {{ last }} as last_as_of, as_of as first_entry, as_of as last_entry
    from added
    union all
    select {{ key_list }}, as_of, {{ last }}, as_of, as_of
    from {{ entries_table() }}
    where {{ in_source_partitions(partitions) }}
    {%- for window in view.windows if window.seconds %}
    union all
    select
        {{ key_list }},
        min(as_of) + {{ seconds_interval(window.seconds) }},
        max(as_of) + {{ seconds_interval(window.seconds) }},
        min(as_of),
        max(as_of)
    from {{ entries_table() }}
    where
        as_of > (select processed_from from processed) - {{ seconds_interval(window.seconds) }}
        and as_of <= (select processed_to from processed) - {{ seconds_interval(window.seconds) }}
    group by {{ key_list }}
    {%- endfor %}

),

touched as (

    select
        {{ key_list }},
        lower(stretch) as range_start,
        least(upper(stretch), greatest(lower(stretch), processed_to)) as range_end
        {%- if view.is_carried %},
        case
            when lower(stretch) > processed_from then entries
            else {{ entering_or_leaving('lower(stretch)', 'least(upper(stretch), greatest(lower(stretch), processed_to))', view) }}
        end as read_from
        {%- endif %}
    from (
        select
            {{ key_list }},
            {#- What is carried on from the row before cannot leave out a stretch. #}
            {{ 'range_merge' if view.is_carried else 'unnest' }}(range_agg(tstzrange(first_as_of, last_as_of, '[]'))) as stretch
            {%- if view.is_carried %},
            range_agg(tstzrange(first_entry - {{ seconds_interval(view.resolution) }}, last_entry)) as entries
            {%- endif %}
        from touches
        group by {{ key_list }}
    ) as stretches
    cross join processed
    -- In the order of the indexes, and of rows of the view, that are looked up for each.
    order by {{ key_list }}

)
{%- endmacro %}

{# When events happened that enter, or leave a window, within a stretch: a multirange. After all that was processed before,
   these are the ones that the stretch was found by; a stretch that reaches back is searched as a whole. #}
{% macro entering_or_leaving(range_start, range_end, view) -%}
    tstzmultirange(
                {%- for window in [{'seconds': 0}] + view.windows if window.seconds is not none %}
                tstzrange(
                    {{ range_start }} - {{ seconds_interval(window.seconds + view.resolution) }},
                    {{ range_end }} - {{ seconds_interval(window.seconds) }}
                ){{ ',' if not loop.last }}
                {%- endfor %}
            )
{%- endmacro %}

{# Where the events of partitions enter: the body of a CTE with source, partition_start, key and as_of. #}
{% macro partition_entries(view, partitions) -%}
    {%- for events in view.events.values() -%}
    select
        {{ quoted_text(events.sources | join) }} as source,
        source_events.partition_start,
        {%- for key in view.entity %}
        source_events.{{ events['keys'][loop.index0] }} as {{ key }},
        {%- endfor %}
        {{ first_as_of('source_events.' ~ events.at, view) }} as as_of
    from {{ events.relation }} as source_events
    where {{ belongs_to_an_entity(events) }} and {{ in_partitions(partitions_of(events, partitions)) }}
    group by {{ range(1, view.entity | length + 4) | join(', ') }}
    {{- '\n    union\n    ' if not loop.last }}
    {%- endfor %}
{%- endmacro %}

{# The table that knows where the events of each partition entered a declared feature view. #}
{% macro entries_table() -%}
    ops.entries_{{ this.identifier }}
{%- endmacro %}

{#
    How far the sources of a view's events are processed, as releases tell it: windows let go of events up to there also while
    nothing happens. Null where a source has nothing yet, or tells nothing of time.
#}
{% macro reached_by(view) -%}
    {%- set needed = [] -%}
    {%- for events in view.events.values() -%}
        {%- for source in events.sources -%}
            {%- do needed.append("('" ~ events.relation.identifier ~ "', '" ~ source ~ "')") -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- if not needed -%}
    null::timestamptz
    {%- else -%}
    (
                select case when bool_and(reaches_to is not null) then min(reaches_to) end
                from (
                    select max(loads.reaches_to) as reaches_to
                    from (values {{ needed | join(', ') }}) as needed (model, source)
                    left join ops.built_partitions as built using (model, source)
                    left join ops.loads as loads using (load_id)
                    group by needed.model, needed.source
                ) as reached
            )
    {%- endif -%}
{%- endmacro %}
