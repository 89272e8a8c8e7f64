{# A pre-hook for models that join events to their landed records. PostgreSQL has no statistics yet of a partition that
   was written a moment ago, expects one row, and would join a hundred thousand in nested loops. #}
{% macro hash_joins_only() -%}
    set local enable_nestloop = off
{%- endmacro %}
