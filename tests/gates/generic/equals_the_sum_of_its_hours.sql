{#
    Fails for each row of a feature view, of a random sample, that a brute-force sum over the hours of its windows
    contradicts. Pins down any slip of the running sums.

    Args:
        keys: columns of the entity key.
        counts: columns of int_activity__summed_by_hour that the view sums.
        windows: {name: hours}, as in the view.
#}
{% test equals_the_sum_of_its_hours(model, keys, counts, windows) %}

    {%- set columns = window_columns(counts, windows) %}

    with drawn as (

        select * from {{ model }}
        order by random()
        limit 20

    ),

    activity as (

        select * from {{ ref('int_activity__summed_by_hour') }}

    ),

    summed as (

        select
            {%- for key in keys %}
            drawn.{{ key }},
            {%- endfor %}
            drawn.as_of,
            {%- for count in counts %}
            {%- for window, hours in windows.items() %}
            coalesce(
                sum(activity.{{ count }}) filter (where activity.hour >= drawn.as_of - interval '{{ hours }} hours'), 0
            ) as {{ count }}_{{ window }}{{ ',' if not (loop.last and count == counts[-1]) }}
            {%- endfor %}
            {%- endfor %}
        from drawn
        left join activity
            on
                {% for key in keys %}drawn.{{ key }} = activity.{{ key }}
                and {% endfor %}activity.hour < drawn.as_of
                and activity.hour >= drawn.as_of - interval '{{ windows.values() | max }} hours'
        group by {% for key in keys %}drawn.{{ key }}, {% endfor %}drawn.as_of

    )

    select summed.*
    from summed
    inner join drawn
        on
            {% for key in keys %}summed.{{ key }} = drawn.{{ key }}
            and {% endfor %}summed.as_of = drawn.as_of
    where
        {%- for column in columns %}
        {{ 'or ' if not loop.first }}summed.{{ column }} <> drawn.{{ column }}
        {%- endfor %}

{% endtest %}
