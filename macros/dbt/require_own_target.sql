{#
    on-run-start: refuses a target that expects tables of its own in a schema of its own. Headgate's schemas have fixed
    names, and what was built, certified and published is recorded once per database: such a target would write into the
    tables of another.
#}
{% macro require_own_target() -%}
    {%- set expected = 'typed' -%}
    {%- if execute and flags.WHICH in writing_commands() and target.schema != expected -%}
        {{ exceptions.raise_compiler_error(
            'dbt target ' ~ target.name ~ ': expected schema ' ~ expected ~ ', found ' ~ target.schema ~ '. Headgate\'s tables'
            ~ ' have the same names for every target, so this one would replace those of database ' ~ target.dbname
            ~ '. Nothing was touched. Next: use one database per developer (createdb NAME, HEADGATE_DSN=postgresql:///NAME,'
            ~ ' headgate up, eval "$(headgate env)") and schema: ' ~ expected ~ ' in profiles.yml'
        ) }}
    {%- endif -%}
{%- endmacro %}

{# `dbt clone` would drop each table and put a view of itself in its place: PostgreSQL cannot copy a table without its rows. #}
{%- materialization clone, default -%}
    {{ exceptions.raise_compiler_error(
        'dbt clone: expected a database of its own for a copy; found ' ~ this.schema ~ '.' ~ this.identifier ~ ' itself.'
        ~ ' Nothing was touched. Next: createdb --template=' ~ target.dbname ~ ' NAME, then set HEADGATE_DSN to it'
    ) }}
{%- endmaterialization -%}

{# The commands of dbt that build, or record what gates said. #}
{% macro writing_commands() -%}
    {{ return(['build', 'run', 'seed', 'snapshot', 'test']) }}
{%- endmacro %}
