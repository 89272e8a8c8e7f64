{# True of a computed row that the feature view does not hold already, value for value: only what changed is written.
   Use, as the condition of the last step: where {{ is_new_row('rated', ['customer_id'], batch) }} #}
{% macro is_new_row(computed, keys, batch) -%}
    {%- if is_incremental() -%}
    {{ computed }}.as_of > timestamptz '{{ batch.changed_from }}'
    and not exists (
        select 1 from {{ this }} as existing
        where
            {% for key in keys %}existing.{{ key }} = {{ computed }}.{{ key }} and {% endfor -%}
            existing.as_of = {{ computed }}.as_of
            and existing.as_of > timestamptz '{{ batch.changed_from }}'
            and {{ is_same_row('existing', computed) }}
    )
    {%- else -%}
    true
    {%- endif -%}
{%- endmacro %}
