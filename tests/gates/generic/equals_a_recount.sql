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

        select
            row_number() over () as drawn_id,
            sampled.as_of as stands_at,
            sampled.*
        from (select * from {{ model }} order by random() limit 20) as sampled

    ),

    {{ recounted_values(declared) }},

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
        inner join recounted on drawn.drawn_id = recounted.drawn_id
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
