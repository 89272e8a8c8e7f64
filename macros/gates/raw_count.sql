{# How many raw events of a sampled row lie in a window and fulfil a condition.
   Use: {{ raw_count(24, "raw.event_type = 'PushEvent'") }} as pushes_count_24h #}
{% macro raw_count(hours, condition, counted='*') -%}
    count({{ counted }}) filter (
        where
        raw.created_at >= sampled.as_of - interval '{{ hours }} hours'
        and raw.created_at < sampled.as_of
        and {{ condition }}
    )
{%- endmacro %}
