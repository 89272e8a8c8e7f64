{# True when two rows agree in every column that the feature view has.
   Use: {{ is_same_row('existing', 'computed') }} #}
{% macro is_same_row(existing, computed) -%}
    {%- if canonical_mode() -%}
    false
    {%- else -%}
    {%- set columns = adapter.get_columns_in_relation(this) | map(attribute='quoted') | list -%}
    ({{ existing }}.{{ columns | join(', ' ~ existing ~ '.') }})
            is not distinct from ({{ computed }}.{{ columns | join(', ' ~ computed ~ '.') }})
    {%- endif -%}
{%- endmacro %}
