{# dbt's hook for `where` of generic tests. The word uncertified in it, which dbt_project.yml sets for all models, becomes
   the filter of the same name; see rows_to_judge(). Rows of loads that the gate is waived for are left out. All else works
   as it does in dbt. #}
{% macro get_where_subquery(relation) -%}
    {%- set where = config.get('where') or '' -%}
    {%- set loads = waived_loads(model) if execute and not is_dry_run() else [] -%}
    {%- if 'uncertified' in where or loads -%}
        {%- set columns = placing_columns(relation) -%}
        {%- set places = ['partition_start', 'as_of'] | select('in', columns) | list -%}
        {%- set filter = rows_to_judge(relation, places[0])
            if 'uncertified' in where and places and not is_dry_run() else 'true' -%}
        {%- set where = where | replace('uncertified', '(' ~ filter ~ ')') -%}
        {%- if loads -%}
            {%- set unwaived = is_not_waived(relation.identifier, columns, loads) -%}
            {%- set where = '(' ~ where ~ ') and ' ~ unwaived if where else unwaived -%}
        {%- endif -%}
    {%- endif -%}
    {%- if where -%}
    (select * from {{ relation }} where {{ where }}) as dbt_subquery
    {%- else -%}
    {{ relation }}
    {%- endif -%}
{%- endmacro %}

{#
    A filter on the rows of a relation that the current generic gate has to look at. Partitions that lack its verdict will do for a
    gate that judges each of them by itself. Where rows of several are compared, a new one can break the promise of an old one:
    such a gate looks at all rows that a new one may meet: of uniqueness, at those with the values of a new one. A gate that is not
    known here looks at all, always.
#}
{% macro rows_to_judge(relation, column) -%}
    {%- set filter = uncertified(relation.identifier, column) | trim -%}
    {%- set gate = (model.test_metadata or {}).name -%}
    {%- set is_asked_for = config.get('where') != 'uncertified' -%}
    {%- if is_asked_for or gate in judging_partitions() or flags.WHICH not in ('build', 'run') or not execute -%}
        {{ return(filter) }}
    {%- elif gate not in ['unique', 'unique_combination_of_columns', 'relationships'] -%}
        {{ return('true') }}
    {%- elif filter == 'false' -%}
        {{ return(filter) }}
    {%- elif gate == 'relationships' -%}
        {{ return('true' if lacks_verdict(referred_models(model)) else filter) }}
    {%- endif -%}
    {%- set arguments = model.test_metadata.kwargs -%}
    {%- set columns = arguments.combination_of_columns or [arguments.column_name] -%}
    {{ return(filter if is_kept_unique(relation, columns) else has_values_of(relation, columns, filter, gate != 'unique')) }}
{%- endmacro %}

{# A filter on the rows of a relation that have the values of one that another filter lets through, and on those with nulls where
   nulls count as equal: they do in combinations of values, dbt's `unique` passes over them. #}
{% macro has_values_of(relation, columns, filter, with_nulls) -%}
    {%- set row = columns | join(', ') -%}
    {%- set same = '(' ~ row ~ ') in (select ' ~ row ~ ' from ' ~ relation ~ ' where ' ~ filter ~ ')' -%}
    {{ return(columns | join(' is null or ') ~ ' is null or ' ~ same if with_nulls else same) }}
{%- endmacro %}

{# Generic gates that judge each partition by itself, most of them each row. #}
{% macro judging_partitions() -%}
    {{ return([
        'accepted_range', 'accepted_values', 'equals_a_recount', 'every_landed_record_is_accounted_for',
        'expect_column_values_to_match_regex', 'expression_is_true', 'has_no_new_path', 'holds_every_kept_record',
        'keeps_its_contract', 'not_null', 'not_null_proportion', 'quarantine_stays_small', 'raises_no_alarm',
        'reads_none_of', 'rejects_stay_small', 'rows_are_consistent', 'stands_where_values_change',
    ]) }}
{%- endmacro %}

{# The models built by partitions that a gate of relationships refers to; the gate's own model where it refers to itself. #}
{% macro referred_models(gate) -%}
    {%- set others = gate.depends_on.nodes | reject('equalto', gate.attached_node) | list -%}
    {#- Under a name of its own: what a node holds is remembered by that. -#}
    {{ return(held_models({
        'unique_id': 'referred to by ' ~ gate.unique_id, 'depends_on': {'nodes': others or gate.depends_on.nodes}
    })) }}
{%- endmacro %}

{# Whether partitions of any of the models lack the verdict of the current gate. #}
{% macro lacks_verdict(models) -%}
    {%- set statement -%}
        select exists (
            select from ops.missing_verdicts where gate = '{{ model.name }}' and model = any({{ text_array(models) }})
        ) as found
    {%- endset -%}
    {{ return(models and run_query(statement).rows[0].found) }}
{%- endmacro %}

{# Whether rows that a gate of uniqueness compares stand in one partition, or a unique index holds over all of them. #}
{% macro is_kept_unique(relation, columns) -%}
    {%- set statement -%}
        select exists (
            select from pg_index
            where
                indrelid = to_regclass('{{ relation }}') and indisunique and indisvalid
                and indpred is null and indexprs is null
                and (
                    select bool_and(attname = any({{ text_array(columns) }}))
                    from pg_attribute
                    where attrelid = indexrelid and attnum <= indnkeyatts
                )
        ) as found
    {%- endset -%}
    {{ return(
        'partition_start' in columns or 'load_id' in columns or run_query(statement).rows[0].found
    ) }}
{%- endmacro %}

{# Which of the columns that place a row a relation has: asked once in a run, for a gate comes after what it looks at. #}
{% macro placing_columns(relation) -%}
    {%- set statement -%}
        select attname as name from pg_attribute
        where
            attrelid = to_regclass('{{ relation }}')
            and attname in ('load_id', 'partition_start', 'as_of', 'source_name')
            and not attisdropped
    {%- endset -%}
    {{ return(once('columns of ' ~ relation, statement) | map(attribute='name') | list) }}
{%- endmacro %}
