{# As dbt's own; in a dry run, the empty table that stands in for the relation, under whatever alias it is read. #}
{% macro ref() -%}
    {{ return(relation_to_read(builtins.ref(*varargs, **kwargs))) }}
{%- endmacro %}

{# As dbt's own; in a dry run, the empty table that stands in for the relation. #}
{% macro source() -%}
    {{ return(relation_to_read(builtins.source(*varargs))) }}
{%- endmacro %}

{# A relation, or what stands in for it in a dry run. Unit tests bring rows of their own. #}
{% macro relation_to_read(relation) -%}
    {%- if execute and is_dry_run() and model.resource_type != 'unit_test' -%}
        {{ return(dry_run_relation(relation.schema, relation.identifier)) }}
    {%- endif -%}
    {{ return(relation) }}
{%- endmacro %}
