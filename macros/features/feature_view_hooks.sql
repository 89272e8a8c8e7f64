{# A pre-hook: an index by which the events of an entity are found, and no entries of a view that is built from nothing. #}
{% macro prepare_feature_view() -%}
    {%- if execute and model.config.meta.feature_view -%}
    {%- set view = normal_declaration(model.config.meta.feature_view) -%}
    {#- Neighbours are found in the order of an index; the planner would rather sort what a shorter index finds. -#}
    set local enable_incremental_sort = off;
    {%- for events, columns in event_indexes(view) %}
    {{ events_index(events.relation, columns) }};
    {%- endfor %}
    {%- if not is_incremental() %}
    drop table if exists {{ entries_table() }};
    {%- endif %}
    {%- endif -%}
{%- endmacro %}

{# By which columns events are looked up: pairs of an entry of the view's events, and columns. #}
{% macro event_indexes(view) -%}
    {%- set found = [] -%}
    {%- for events in view.events.values() -%}
        {%- do found.append((events, events['keys'] + [events.at])) -%}
    {%- endfor -%}
    {%- for measure in view.measures if view.is_carried and 'count_distinct' in measure.operations -%}
        {%- set events = view.events[measure.events] -%}
        {%- do found.append((events, events['keys'] + [measure.value, events.at])) -%}
    {%- endfor -%}
    {{- return(found) -}}
{%- endmacro %}

{# A post-hook: notes where the events of the built partitions entered, and removes rows from after what is processed, which
   may have moved back. #}
{% macro record_entries() -%}
    {%- if execute and model.config.meta.feature_view -%}
    {%- set view = normal_declaration(model.config.meta.feature_view) -%}
    {%- set row_key = (view.entity + ['as_of']) | join(', ') -%}
    {%- set partitions = built_by(model.compiled_code) -%}
    do $create$
    begin
        if to_regclass('{{ entries_table() }}') is null then
            create table {{ entries_table() }} as
            {{ partition_entries(view, []) }};
            create index on {{ entries_table() }} (source, partition_start);
            create index on {{ entries_table() }} (as_of);
        end if;
    end
    $create$;

    {%- if partitions %}

    delete from {{ entries_table() }}
    where {{ in_source_partitions(partitions) }};

    insert into {{ entries_table() }}
    {{ partition_entries(view, partitions) }};

    create table if not exists {{ changed_rows() }} as select {{ row_key }} from {{ this }} with no data;

    with removed as (
        delete from {{ this }}
        where as_of > coalesce(
            greatest((select max(as_of) from {{ entries_table() }}), {{ reached_by(view) }}), '-infinity'
        )
        returning {{ row_key }}
    )

    insert into {{ changed_rows() }} select * from removed;

    -- The publisher empties the table, and gates may not have looked by then, or long before.
    update ops.deployed_models
    set unproven_from = least(
        unproven_from, (select min(as_of) from {{ changed_rows() }} where xmin = pg_current_xact_id()::xid)
    )
    where model = '{{ this.identifier }}'
    {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# A pre-hook: an index on events, by their entity and time, where the model of the events declares none. What it declares is better:
   an index made here is locked until the view is built, and other views over the same events wait. #}
{% macro events_index(relation, columns) -%}
    {%- set relation = ref_relation(relation) if relation is string else relation -%}
    {%- if execute -%}
    {%- set listed = columns | join(', ') %}
    {%- set index = 'events_by_' ~ local_md5(relation.identifier ~ listed)[:16] %}
    do $index$
    begin
        if to_regclass('{{ relation.schema }}.{{ index }}') is null and not exists (
            select from pg_index as declared
            where
                indrelid = '{{ relation }}'::regclass
                and indisvalid
                and indpred is null
                and {{ text_array(columns) }} = array(
                    select pg_get_indexdef(declared.indexrelid, place, true)
                    from generate_series(1, declared.indnkeyatts) as place
                    order by place
                )
        ) then
            -- Another model over the same events may be built at the same time.
            lock table {{ relation }} in share row exclusive mode;
            create index if not exists {{ index }} on {{ relation }} ({{ listed }});
        end if;
    end
    $index$
    {%- endif -%}
{%- endmacro %}
