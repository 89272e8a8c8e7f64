{#
    Rows of a query that is asked once in a run, however many nodes want to know. For what stays true, or what is as safe to
    have learned a moment ago.

    Args:
        name: what the rows are called.
        statement: the query.
#}
{% macro once(name, statement) -%}
    {{ return(once_table(name, statement).rows if execute else []) }}
{%- endmacro %}

{# As once(), the whole table of the answer. #}
{% macro once_table(name, statement) -%}
    {#- dbt gives the same graph to every node of a run. -#}
    {%- set known = graph.setdefault('headgate ' ~ invocation_id, {}) -%}
    {%- if name not in known -%}
        {%- do known.update({name: run_query(statement)}) -%}
    {%- endif -%}
    {{ return(known[name]) }}
{%- endmacro %}
