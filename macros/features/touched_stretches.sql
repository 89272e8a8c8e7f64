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
            (select max(as_of) from {{ entries_table() }} where not {{ in_source_partitions(partitions) }})
        ) as processed_to

),

touches as (

    select {{ key_list }}, as_of as first_as_of, {{ last }} as last_as_of
    from added
    union
    select {{ key_list }}, as_of, {{ last }}
    from {{ entries_table() }}
    where {{ in_source_partitions(partitions) }}
    {%- for window in view.windows if window.seconds %}
    union
    select
        {{ key_list }},
        min(as_of) + {{ seconds_interval(window.seconds) }},
        max(as_of) + {{ seconds_interval(window.seconds) }}
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
        upper(stretch) as range_end
    from (
        select
            {{ key_list }},
            {#- What is carried on from the row before cannot leave out a stretch. #}
            {{ 'range_merge' if view.is_carried else 'unnest' }}(range_agg(tstzrange(first_as_of, last_as_of, '[]'))) as stretch
        from touches
        group by {{ key_list }}
    ) as stretches

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
