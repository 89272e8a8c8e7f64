{# As dbt's own, except while a model tells its definition. #}
{% macro is_incremental() -%}
    {% set mode = canonical_mode() %}
    {{ return(mode == 'next' if mode else dbt.is_incremental()) }}
{%- endmacro %}
