{# Which shape of its records a landed record of predictions is in: there is one. A source that changes its shape gets more
   here, and the contract says under `generations` which paths belong to which.
   Use: {{ predictions_schema_generation('landed') }} #}
{% macro predictions_schema_generation(landed) -%}
    {#- Of the record itself, so that a statement about none of them stays empty. -#}
    case when {{ landed }}.line_number is not null then 'first' end
{%- endmacro %}
