{# Stops a run early, with the next step, when the schemas that Python owns are missing or of another version. #}
{% macro require_schemas() -%}
    {% if execute %}
        {% set has_schemas = run_query("select to_regclass('ops.schema_version') as found").rows[0].found %}
        {% set found = run_query('select version_num from ops.schema_version').rows[0].version_num if has_schemas %}
        {% if found != schema_version() %}
            {{ exceptions.raise_compiler_error(
                "schema ops: expected Headgate's tables of version " ~ schema_version() ~ " in database " ~ target.dbname
                ~ "; found " ~ (found or 'none') ~ ". Next: run `headgate up`"
            ) }}
        {% endif %}
    {% endif %}
    select 1
{%- endmacro %}

{# The newest migration of the schemas that Python owns, which these macros work with. #}
{% macro schema_version() -%}
    {{ return('0030') }}
{%- endmacro %}
