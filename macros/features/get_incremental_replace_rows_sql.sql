{#
    The incremental strategy `replace_rows` of feature views: a computed row takes the place of the one with its key and
    as_of, and rows that nothing supports any more go. As dbt's delete+insert, but told from which as_of on, so that no
    more of the view is read than may change. The view names its windows in its meta. What is written or removed is
    noted in changed_rows(), for the publisher.
#}
{% macro get_incremental_replace_rows_sql(arg_dict) -%}
    {%- set row_key = arg_dict['unique_key'] | join(', ') -%}
    {%- set keys = arg_dict['unique_key'] | reject('equalto', 'as_of') | list -%}
    {%- set columns = arg_dict['dest_columns'] | map(attribute='quoted') | join(', ') -%}
    {%- set first = run_query('select ' ~ iso_text('min(as_of)') ~ ' as as_of from ' ~ arg_dict['temp_relation']).rows[0].as_of -%}
    create table if not exists {{ changed_rows() }} as select {{ row_key }} from {{ this }} with no data;
    {{ delete_unsupported_rows(keys, model.config.meta.windows) }}
    {%- if first %}

    insert into {{ changed_rows() }} select {{ row_key }} from {{ arg_dict['temp_relation'] }};
    delete from {{ arg_dict['target_relation'] }} as existing
    using {{ arg_dict['temp_relation'] }} as computed
    where
        {% for key in arg_dict['unique_key'] %}existing.{{ key }} = computed.{{ key }} and {% endfor -%}
        existing.as_of >= timestamptz '{{ first }}';
    {%- endif %}

    insert into {{ arg_dict['target_relation'] }} ({{ columns }})
    select {{ columns }} from {{ arg_dict['temp_relation'] }}
{%- endmacro %}
