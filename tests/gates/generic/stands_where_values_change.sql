{#
    Fails for each row of a declared feature view that should not stand, and for each that is missing: a row stands where
    events enter and where a window lets go of them, at a multiple of the resolution; nowhere else.
    Of the rows a random sample is looked at; of the events those of partitions that have not passed all gates.

    Args:
        view: the model's name.
        events: names of the models that it is declared over.
#}
{% test stands_where_values_change(model, view, events) %}

    {#- Told to dbt while it parses, when the declaration is not known yet. -#}
    {%- for name in events + [view] %}{% do ref_relation(name) %}{% endfor %}

    {%- if execute %}
    {%- set declared = normal_declaration(declaration_of(view)) %}
    {%- set key_list = declared.entity | join(', ') %}

    with drawn as (

        select {{ key_list }}, as_of from {{ model }}
        order by random()
        limit 200

    ),

    entered as (

        {% for name, origin in declared.events.items() -%}
        select
            {%- for key in declared.entity %}
            source_events.{{ origin['keys'][loop.index0] }} as {{ key }},
            {%- endfor %}
            {{ first_as_of('source_events.' ~ origin.at, declared) }} as as_of
        from {{ origin.relation }} as source_events
        where {{ belongs_to_an_entity(origin) }} and {{ uncertified(view, 'source_events.partition_start') }}
        {{- '\n        union' if not loop.last }}
        {% endfor %}
    )

    select {{ key_list }}, as_of, 'no event enters or leaves a window' as finding
    from drawn
    where
        as_of <> date_bin({{ seconds_interval(declared.resolution) }}, as_of, timestamptz '1970-01-01 00:00:00+00')
        or not (
        {%- for origin in declared.events.values() %}
        {{ 'or ' if not loop.first }}exists (
            select 1
            from {{ origin.relation }} as source_events
            where
                {%- for key in declared.entity %}
                source_events.{{ origin['keys'][loop.index0] }} = drawn.{{ key }}
                and
                {%- endfor %}
                (
                    {%- for window in [{'seconds': 0}] + declared.windows if window.seconds is not none %}
                    {{ 'or ' if not loop.first }}(
                        source_events.{{ origin.at }} < drawn.as_of - {{ seconds_interval(window.seconds) }}
                        and source_events.{{ origin.at }}
                        >= drawn.as_of - {{ seconds_interval(window.seconds + declared.resolution) }}
                    )
                    {%- endfor %}
                )
        )
        {%- endfor %}
        )
    union all
    select {{ key_list }}, as_of, 'has no row where an event enters' as finding
    from entered
    where not exists (
        -- Found by its key, however many rows stand.
        select 1
        from {{ ref(view) }} as standing
        where
            {%- for key in declared.entity %}
            standing.{{ key }} = entered.{{ key }}
            and
            {%- endfor %}
            standing.as_of = entered.as_of
    )
    {%- else %}
    select 1 as nothing where false
    {%- endif %}

{% endtest %}
