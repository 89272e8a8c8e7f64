{#
    on-run-start: refuses to build what would replace a relation that somebody else put under its name. What dbt made for
    Headgate carries a mark in its comment, which it gets in the transaction that makes it.
#}
{% macro require_own_relations() -%}
    {%- if execute and flags.WHICH in writing_commands() and not is_dry_run() -%}
        {%- set names = [] -%}
        {%- for id in selected_resources if graph.nodes.get(id) -%}
            {%- set node = graph.nodes[id] -%}
            {%- set kind = node.config.materialized -%}
            {%- if node.resource_type in ('model', 'seed', 'snapshot') and kind != 'ephemeral' or stores_failures(node) -%}
                {%- do names.append(node.schema ~ '.' ~ (node.alias or node.name)) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if not run_query("select to_regprocedure('ops.foreign_relations(text[])') as found").rows[0]['found'] -%}
            {{ exceptions.raise_compiler_error(
                "schema ops: expected the version that this project works with; found an older one. Next: run `headgate up`"
            ) }}
        {%- endif -%}
        {%- set found = run_query("select name, kind from ops.foreign_relations(" ~ text_array(names) ~ ")").rows -%}
        {%- if found -%}
            {{ exceptions.raise_compiler_error(
                found[0]['name'] ~ ': expected no relation of this name, or one that dbt made for Headgate; found '
                ~ found[0]['kind'] ~ ' that somebody else made'
                ~ (' (so are ' ~ (found[1:] | map(attribute='name') | join(', ')) ~ ')' if found | length > 1)
                ~ ', which building would replace. Nothing was touched. Next: rename it or move it to another schema'
                ~ ' (alter table ... set schema ...), or, if it may be replaced, hand it over: select ops.hand_over(\''
                ~ found[0]['name'] ~ '\'); see docs/dbt_users.md'
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}

{# Whether a test keeps its failing rows in a table of its own. #}
{% macro stores_failures(node) -%}
    {{ return(node.resource_type == 'test' and (flags.STORE_FAILURES or node.config.store_failures)) }}
{%- endmacro %}

{# Marks what the current model or seed has made, within its transaction; nothing where it is marked already. #}
{% macro mark_own_relation() -%}
    {%- do run_query("select ops.hand_over('" ~ this.include(database=false) ~ "'::regclass)") -%}
{%- endmacro %}

{# As dbt's own. A gate's table of failing rows is marked by the statement that makes it: tests run no hooks. #}
{% macro postgres__create_table_as(temporary, relation, sql) -%}
    {{ dbt.postgres__create_table_as(temporary, relation, sql) }}
    {%- if model.resource_type == 'test' and not temporary %}
    select ops.hand_over('{{ relation.include(database=false) }}'::regclass);
    {%- endif -%}
{%- endmacro %}

{# As dbt's own; see postgres__create_table_as. #}
{% macro postgres__create_view_as(relation, sql) -%}
    {{ dbt.default__create_view_as(relation, sql) }}
    {%- if model.resource_type == 'test' %}
    select ops.hand_over('{{ relation.include(database=false) }}'::regclass);
    {%- endif -%}
{%- endmacro %}

{# As dbt's own, for persist_docs: the mark stands behind a model's description. #}
{% macro postgres__alter_relation_comment(relation, comment) -%}
    {{ dbt.postgres__alter_relation_comment(relation, comment) }}
    select ops.hand_over('{{ relation.include(database=false) }}'::regclass);
{%- endmacro %}
