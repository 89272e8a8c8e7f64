{# A filter on the landing table for the loads of the given partitions: literals, so that others are never opened.
   Use: where {{ in_loads(partitions, 'events.load_id') }} #}
{% macro in_loads(partitions, column='load_id') -%}
    {%- if partitions -%}
    {{ column }} in ({{ partitions | map(attribute='load_id') | join(', ') }})
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}
