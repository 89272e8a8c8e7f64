{#
    The incremental strategy of declared feature views: of the rows computed for the touched stretches those are written that
    differ from what stands, and rows that no event supports any more are removed. Both are noted in changed_rows(), for the
    publisher.
#}
{% macro get_incremental_replace_changed_rows_sql(arg_dict) -%}
    {%- set view = normal_declaration(model.config.meta.feature_view) -%}
    {%- set row_key = arg_dict['unique_key'] | join(', ') -%}
    {%- set names = arg_dict['dest_columns'] | map(attribute='quoted') | list -%}
    {%- set columns = names | join(', ') -%}
    {%- set computed = arg_dict['temp_relation'] -%}
    {#- As a literal: of rows from then on there are none, as a rule, and the planner sees it. -#}
    {%- set first = run_query("select coalesce(min(as_of), 'infinity')::text as first from " ~ computed).rows[0].first -%}
    {%- set stands = same_row_key('existing', 'computed', view) ~ " and existing.as_of >= timestamptz '" ~ first ~ "'" -%}
    create table if not exists {{ changed_rows() }} as select {{ row_key }} from {{ this }} with no data;

    analyze {{ computed }} ({{ row_key }});
    -- Of these keys there are statistics, whatever hash_joins_only() said of those that they were computed from.
    set local enable_nestloop = on;

    with removed as (
        delete from {{ this }} as existing
        using (
            {%- for window in [{'seconds': 0}] + view.windows if window.seconds is not none %}
            select {{ view.entity | join(', ') }}, as_of + {{ seconds_interval(window.seconds) }} as as_of
            from {{ entries_table() }}
            where {{ in_source_partitions(built_by(model.compiled_code)) }}
            {{- '\n            union' if not loop.last }}
            {%- endfor %}
        ) as once
        where
            {{ same_row_key('existing', 'once', view) }}
            and not exists (
                select 1 from {{ computed }} as computed
                where {{ same_row_key('existing', 'computed', view) }}
            )
        returning existing.{{ arg_dict['unique_key'] | join(', existing.') }}
    )

    insert into {{ changed_rows() }} select * from removed;

    delete from {{ computed }} as computed
    using {{ this }} as existing
    where
        {{ stands }}
        and (existing.{{ names | join(', existing.') }}) is not distinct from (computed.{{ names | join(', computed.') }});

    delete from {{ this }} as existing
    using {{ computed }} as computed
    where {{ stands }};

    insert into {{ changed_rows() }} select {{ row_key }} from {{ computed }};

    insert into {{ this }} ({{ columns }})
    select {{ columns }} from {{ computed }}
{%- endmacro %}

{# A condition: two rows have one key and as_of. #}
{% macro same_row_key(one, other, view) -%}
    {%- for column in view.entity + ['as_of'] -%}
    {{ one }}.{{ column }} = {{ other }}.{{ column }}{{ ' and ' if not loop.last }}
    {%- endfor -%}
{%- endmacro %}
