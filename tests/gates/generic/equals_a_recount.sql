{#
    Fails for each row of a declared feature view, of a random sample, that brute force contradicts: every measure is counted
    anew over the kept events of each window, with PostgreSQL's plain aggregates, and every expression over these. It shares what is measured with the view,
    and nothing of how windows slide.

    Args:
        view: the model's name.
        events: names of the models that it is declared over.
#}
{% test equals_a_recount(model, view, events) %}

    {#- Told to dbt while it parses, when the declaration is not known yet. -#}
    {%- for name in events + [view] %}{% do ref_relation(name) %}{% endfor %}

    {%- if execute %}
    {%- set declared = normal_declaration(declaration_of(view)) %}

    with drawn as (

        select * from {{ model }}
        order by random()
        limit 20

    ),

    recounted as (

        select
            {%- for key in declared.entity %}
            drawn.{{ key }},
            {%- endfor %}
            drawn.as_of
            {%- for column in declared.columns %},
            {{ column.measure.events }}_held.{{ column.name }}
            {%- endfor %}
        from drawn
        {%- for name, origin in declared.events.items() %}
        cross join lateral (
            select
                {%- for column in declared.columns if column.measure.events == name %}
                {{ plain_aggregate(column.operation, 'held.of_' ~ column.measure.name, column.window) }}
                    as {{ column.name }},
                {%- endfor %}
                count(*) as events_held
            from (
                select {{ measured_columns(name, declared) }}
                from {{ origin.relation }} as source_events
                where
                    {%- for key in declared.entity %}
                    source_events.{{ origin['keys'][loop.index0] }} = drawn.{{ key }}
                    and
                    {%- endfor %}
                    source_events.{{ origin.at }} < drawn.as_of
                    {%- if declared.longest %}
                    and source_events.{{ origin.at }} >= drawn.as_of - {{ seconds_interval(declared.longest) }}
                    {%- endif %}
            ) as held
        ) as {{ name }}_held
        {%- endfor %}

    ),

    expected as (

        select
            *
            {%- for name, expression in declared.expressions.items() %},
            {{ expression }} as {{ name }}
            {%- endfor %}
        from recounted

    ),

    compared as (

        select
            {%- for key in declared.entity %}
            drawn.{{ key }},
            {%- endfor %}
            drawn.as_of,
            wrong.feature,
            wrong.expected,
            wrong.found
        from drawn
        inner join expected as recounted
            on
                {%- for key in declared.entity %}
                drawn.{{ key }} = recounted.{{ key }}
                and
                {%- endfor %}
                drawn.as_of = recounted.as_of
        cross join lateral (
            values
            {%- for column in declared.columns %}
            (
                '{{ column.name }}',
                recounted.{{ column.name }}::text,
                drawn.{{ column.name }}::text,
                {{ is_other_value(column.operation, 'recounted.' ~ column.name, 'drawn.' ~ column.name) }}
            ){{ ',' if not loop.last }}
            {%- endfor %}
            {%- for feature in declared.expressions %},
            (
                '{{ feature }}',
                recounted.{{ feature }}::text,
                drawn.{{ feature }}::text,
                {{ is_other_value(declared_type(view, feature), 'recounted.' ~ feature, 'drawn.' ~ feature) }}
            )
            {%- endfor %}
        ) as wrong (feature, expected, found, is_other)
        where wrong.is_other

    )

    select * from compared
    {%- else %}
    select 1 as nothing where false
    {%- endif %}

{% endtest %}
