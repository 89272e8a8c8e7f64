{# Whether dbt was called with `--empty`: every statement runs, on no rows, and nothing of it stays. #}
{% macro is_dry_run() -%}
    {{ return(flags.EMPTY | default(false)) }}
{%- endmacro %}

{# The schema that stands in for all others while a dry run lasts: an empty table of each relation. #}
{% macro dry_run_schema() -%}
    {{ return('headgate_dry_run_' ~ run_started_at.strftime('%Y%m%d%H%M%S') ~ '_' ~ invocation_id[:8]) }}
{%- endmacro %}

{# The empty table that stands in for a relation in a dry run, for instance "typed.stg_orders__records". #}
{% macro dry_run_relation(schema, identifier) -%}
    {{ return(api.Relation.create(
        database=target.database, schema=dry_run_schema(), identifier=(schema ~ '.' ~ identifier)[-63:]
    )) }}
{%- endmacro %}
