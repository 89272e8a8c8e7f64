{#
    The values of a declared feature view by brute force: CTEs `counted` and `recounted`, with PostgreSQL's plain aggregates
    over the kept events of each window. They share what is measured with the view, and nothing of how windows slide. Need a
    CTE `drawn` (drawn_id, the entity key, as_of, stands_at): events before as_of count, for the row that stands at stands_at.

    Args:
        view: what normal_declaration() returned.
        made_of: CTE (source, partition_start) of the loads whose events count; all without one. With it `any_events` says
            whether the entity had any before as_of.
#}
{% macro recounted_values(view, made_of=none) -%}
counted as (

    select
        drawn.drawn_id,
        {%- for key in view.entity %}
        drawn.{{ key }},
        {%- endfor %}
        {%- if made_of %}
        {% for origin in view.events.values() %}{{ ' or ' if not loop.first }}exists (select 1 {{ events_before(origin, view, made_of) }})
        {%- endfor %} as any_events,
        {%- endif %}
        drawn.stands_at as as_of
        {%- for column in view.columns %},
        {{ column.measure.events }}_held.{{ column.name }}
        {%- endfor %}
    from drawn
    {%- for name, origin in view.events.items() %}
    cross join lateral (
        select
            {%- for column in view.columns if column.measure.events == name %}
            {{ plain_aggregate(column.operation, 'held.of_' ~ column.measure.name, column.window) }} as {{ column.name }},
            {%- endfor %}
            count(*) as events_held
        from (
            select {{ measured_columns(name, view) }}
            {{ events_before(origin, view, made_of) }}
            {%- if view.longest %}
                and source_events.{{ origin.at }} >= drawn.as_of - {{ seconds_interval(view.longest) }}
            {%- endif %}
        ) as held
    ) as {{ name }}_held
    {%- endfor %}

),

recounted as (

    select
        *
        {%- for name, expression in view.expressions.items() %},
        {{ expression }} as {{ name }}
        {%- endfor %}
    from counted

)
{%- endmacro %}

{# The kept events of a drawn entity before its as_of, from `from` on; see recounted_values(). #}
{% macro events_before(origin, view, made_of) -%}
    from {{ origin.relation }} as source_events
            where
                {%- for key in view.entity %}
                source_events.{{ origin['keys'][loop.index0] }} = drawn.{{ key }}
                and
                {%- endfor %}
                source_events.{{ origin.at }} < drawn.as_of
                {%- if made_of %}
                and source_events.partition_start in (
                    select loads.partition_start from {{ made_of }} as loads where loads.source = {{ quoted_text(origin.sources | join) }}
                )
                {%- endif %}
{%- endmacro %}

{#
    SQL that recounts rows of the current model, a declared feature view, from the loads that a release was made of; the
    leakage gate of datasets runs it, and it is what the view means: see meant_by(). Its parameters are arrays: numbers of the
    rows, each column of the key, instants, as_of of the rows that were found there; then source and partition_start of the loads.

    Args:
        declared: the declaration.
#}
{% macro recount_statement(declared) -%}
{%- set statement -%}
{%- set view = normal_declaration(declared) -%}
{%- set count = view.entity | length -%}
with drawn as (

    select
        drawn_id,
        {{ view.entity | join(', ') }},
        greatest(
            stands_at,
            date_bin({{ seconds_interval(view.resolution) }}, instant, timestamptz '1970-01-01 00:00:00+00')
        ) as as_of,
        coalesce(stands_at, instant) as stands_at
    from unnest(
        $1::integer[],
        {%- for key in view.entity %}
        ${{ loop.index + 1 }}::{{ model.columns[key].data_type }}[],
        {%- endfor %}
        ${{ count + 2 }}::timestamptz[],
        ${{ count + 3 }}::timestamptz[]
    ) as sampled (drawn_id, {{ view.entity | join(', ') }}, instant, stands_at)

),

made_of as (

    select * from unnest(${{ count + 4 }}::text[], ${{ count + 5 }}::timestamptz[]) as loads (source, partition_start)

),

{{ recounted_values(view, 'made_of') }}

select * from recounted
{%- endset -%}
{{ return(statement.replace('"' ~ target.database ~ '".', '')) }}
{%- endmacro %}
