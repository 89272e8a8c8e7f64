{#
    The activity of touched entities at each instant where it changes a value: once where it enters the windows
    (left_window 0) and once where each window lets go of it (left_window: that window's hours). The running sum of what
    enters less what leaves is a window's value, so that a new hour costs what happened in it and in the hours that
    windows let go of, however long the history. The body of a CTE; needs the CTEs `activity` and `touched`.

    Args: see affected_entities().
#}
{% macro windowed_activity(keys, windows, batch) -%}
    {%- for hours in [0] + windows.values() | list %}
    {%- if not loop.first %}

    union all

    {% endif %}
    select
        activity.*,
        {{ hours }} as left_window,
        activity.hour + interval '{{ hours + 1 }} hours' as as_of
    from touched
    inner join activity
        on
            {% for key in keys %}touched.{{ key }} = activity.{{ key }}
            and {% endfor %}activity.hour + interval '{{ hours + 1 }} hours' >= touched.from_as_of
    where
        activity.hour <= timestamptz '{{ batch.processed_to }}' - interval '{{ hours + 1 }} hours'
        {%- if batch.changed_from %}
        and activity.hour > timestamptz '{{ batch.changed_from }}' - interval '{{ hours + 1 }} hours'
        {%- endif %}
    {%- endfor %}
{%- endmacro %}
