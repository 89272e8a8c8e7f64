{#
    The incremental strategy `replace_partitions`: rows of the partitions being built are replaced, all others stay.
    Unlike delete+insert by key it also removes rows of a partition that no longer has any.
#}
{% macro get_incremental_replace_partitions_sql(arg_dict) -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set partitions = built_by(model.compiled_code) -%}
    {%- if partitions -%}
    delete from {{ arg_dict['target_relation'] }}
    where {{ in_partitions(partitions) }};
    {%- endif %}

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}
