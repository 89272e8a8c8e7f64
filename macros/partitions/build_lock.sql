{# Before a model is built: waits for another run that builds it, until that run's transaction ends. Two runs at once
   then do some work twice, and no harm. #}
{% macro build_lock() -%}
    select pg_advisory_xact_lock(hashtextextended('headgate builds {{ model.name }}', 0))
{%- endmacro %}
