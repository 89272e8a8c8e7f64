{#
    Stops a run early, with the next step, when the schemas that Python owns are missing or of another version, or when dbt's
    sessions are not in UTC: times without a zone and hours of a time would be other ones than those that Headgate reads.
#}
{% macro require_schemas() -%}
    {% if execute %}
        {% set session = run_query("select to_regclass('ops.schema_version') as found, current_setting('timezone') as zone").rows[0] %}
        {% if session.zone | lower | replace('etc/', '') not in ['utc', 'gmt', 'uct', 'zulu', 'universal'] %}
            {{ exceptions.raise_compiler_error(
                'sessions of dbt target ' ~ target.name ~ ': expected time zone UTC, in which times are typed and features computed; found '
                ~ session.zone ~ '. Nothing was touched. Next: eval "$(headgate env)" sets PGTZ=UTC; or export it yourself'
            ) }}
        {% endif %}
        {% set has_schemas = session.found %}
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
    {{ return('0034') }}
{%- endmacro %}
