{# Stops a run early, with the next step, when the schemas that Python owns are missing. #}
{% macro require_schemas() -%}
    {% if execute and not run_query("select to_regclass('ops.built_partitions') as found").rows[0]['found'] %}
        {{ exceptions.raise_compiler_error(
            "schema ops: expected Headgate's tables in database " ~ target.dbname
            ~ "; found none. Next: run `headgate up`"
        ) }}
    {% endif %}
    select 1
{%- endmacro %}
