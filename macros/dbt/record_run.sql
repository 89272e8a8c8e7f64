{# When a run begins: notes it, by the server's clock, so that its end can tell what another run built meanwhile. #}
{% macro record_run() -%}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'run', 'test') -%}
    insert into ops.dbt_runs (run_id, command, whole)
    values ('{{ invocation_id }}', '{{ flags.WHICH }}', {{ builds_everything() }})
    {%- endif -%}
{%- endmacro %}

{# on-run-end: notes that the run built and tested all that it was to. #}
{% macro record_success(results) -%}
    {%- if execute and not is_dry_run() and flags.WHICH == 'build' -%}
    {%- set amiss = results | rejectattr('status', 'in', ['success', 'pass', 'warn', 'no-op']) | list -%}
    {%- if not amiss %}
    update ops.dbt_runs set succeeded_at = clock_timestamp() where run_id = '{{ invocation_id }}'
    {%- endif %}
    {%- endif -%}
{%- endmacro %}

{# Whether dbt was called to build the whole project, with all of its gates; unit tests are none. #}
{% macro builds_everything() -%}
    {%- set asked = invocation_args_dict -%}
    {%- set left_out = (asked.get('exclude_resource_types') or []) | map('string') | reject('equalto', 'unit_test') | list -%}
    {{ return(
        flags.WHICH == 'build'
        and not (asked.get('select') or asked.get('exclude') or asked.get('selector') or asked.get('resource_types'))
        and not left_out
    ) }}
{%- endmacro %}
