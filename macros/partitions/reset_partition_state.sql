{# Before a model is built from nothing: what it had built no longer counts. In the model's own transaction. #}
{% macro reset_partition_state() -%}
    {%- if not is_incremental() -%}
    delete from ops.built_partitions where model = '{{ this.identifier }}'
    {%- endif -%}
{%- endmacro %}
