{#
    Writes into the compiled SQL which partitions, at which upstream version, this very statement builds.
    The strategy and the hooks read it back, so what is recorded is what was selected, whatever lands meanwhile.
    Use, as the first line of a model: {{ builds(partitions) }}
#}
{% macro builds(partitions) -%}
-- headgate builds:
{%- for partition in partitions %} {{ partition.contract_source }}/{{ partition.partition_start }}={{ partition.upstream_version }}{% endfor %}
{%- endmacro %}
