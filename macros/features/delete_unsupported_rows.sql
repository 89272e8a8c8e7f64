{#
    Part of the strategy replace_rows: when a partition was delivered again or discarded, deletes the rows at whose as_of
    nothing enters or leaves a window any more. Always deletes those after the processed hour, which may have moved back.
    Not before the others are computed: affected_entities() looks for such rows.

    Args: keys and windows as in affected_entities().
#}
{% macro delete_unsupported_rows(keys, windows) -%}
    {%- if execute and is_incremental() -%}
    {%- set rebuilt = feature_batch('int_activity__summed_by_hour') -%}
    {%- if rebuilt.rebuilt or rebuilt.processed_to != '-infinity' -%}
    with unsupported as (
        delete from {{ this }} as existing
        where
        existing.as_of > timestamptz '{{ rebuilt.processed_to }}'
        {%- if rebuilt.rebuilt %}
        or (
            {%- for start, end in rebuilt.rebuilt %}
            {%- set is_first = loop.first %}
            {%- for hours in [0] + windows.values() | list %}
            {{ 'or ' if not (is_first and loop.first) }}(
                existing.as_of > timestamptz '{{ start }}'
                + interval '{{ hours - rebuilt.time_tolerance_hours }} hours'
                and existing.as_of <= timestamptz '{{ end }}'
                + interval '{{ hours + rebuilt.time_tolerance_hours }} hours'
            )
            {%- endfor %}
            {%- endfor %}
        )
        and not exists (
            select 1 from {{ ref('int_activity__summed_by_hour') }} as activity
            where
                {% for key in keys %}activity.{{ key }} = existing.{{ key }} and {% endfor -%}
                activity.hour in (
                    {%- for hours in [0] + windows.values() | list %}
                    existing.as_of - interval '{{ hours + 1 }} hours'{{ ',' if not loop.last }}
                    {%- endfor %}
                )
        )
        {%- endif %}
        returning existing.{{ (keys + ['as_of']) | join(', existing.') }}
    )
    insert into {{ changed_rows() }} select * from unsupported;
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}
