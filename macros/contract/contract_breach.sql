{#
    What breaks a declared path in a record, in words: the first value that does, and which element it is of, where one array leads to
    it. The body of a lateral subquery with one row; for records that break it only.

    Args:
        record: SQL of the record.
        contract_path: alias of a row of contract_paths.
#}
{% macro contract_breach(record, contract_path) -%}
        select
            coalesce(
                {{ contract_found('leaf.value', contract_path ~ '.json_type') }},
                jsonb_typeof(leaf.value),
                'nothing'
            )
            || case
                when {{ contract_path_bare(contract_path ~ '.path') }} !~ '^[^[]*\[\][^[]*$' then ''
                when {{ contract_path_bare(contract_path ~ '.path') }} like '%[]' then ' as element ' || leaf.position
                else ' in element ' || parent.position
            end as words
        from (values (true)) as always (is_there)
        left join
            lateral jsonb_path_query({{ record }}, {{ contract_path }}.parent_json_path::jsonpath)
                with ordinality as parent (value, position)
            on parent.value @? (
                '$ ? (' || {{ contract_path }}.parent_guard || ' && (' || {{ contract_path }}.violation || '))'
            )::jsonpath
        left join
            lateral jsonb_path_query(
                parent.value,
                ('$' || substr({{ contract_path }}.json_path, length({{ contract_path }}.parent_json_path) + 1))::jsonpath
            ) with ordinality as leaf (value, position)
            on true
        order by
            {{ contract_found('leaf.value', contract_path ~ '.json_type') }} is null,
            parent.position,
            leaf.position
        limit 1
{%- endmacro %}
