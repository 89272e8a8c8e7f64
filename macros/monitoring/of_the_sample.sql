{# Whether an observed path is of a sampled load, record type and generation. The partition is there for the planner, which
   finds it by an index. Use: {{ of_the_sample('observed', 'sampled') }} #}
{% macro of_the_sample(observed, sampled) -%}
    {{ observed }}.partition_start = {{ sampled }}.partition_start
            and {{ observed }}.load_id = {{ sampled }}.load_id
            and {{ observed }}.record_type = {{ sampled }}.record_type
            and {{ observed }}.schema_generation = {{ sampled }}.schema_generation
{%- endmacro %}
