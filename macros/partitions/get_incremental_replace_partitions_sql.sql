{#
    The incremental strategy `replace_partitions`: rows of the partitions being built are replaced, all others stay.
    Unlike delete+insert by key it also removes rows of a partition that no longer has any.
#}
{% macro get_incremental_replace_partitions_sql(arg_dict) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set pairs = built_by(model.compiled_code) -%}
    {%- if pairs -%}
    delete from {{ arg_dict['target_relation'] }}
    where partition_start in (
        {%- for partition_start, _ in pairs %}timestamptz '{{ partition_start }}'{{ ', ' if not loop.last }}{% endfor -%}
    );
    {%- endif %}

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}
