{# When a run begins: notes it, by the server's clock, so that its end can tell what another run built meanwhile. #}
{% macro record_run() -%}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'run', 'test') -%}
    insert into ops.dbt_runs (run_id, command) values ('{{ invocation_id }}', '{{ flags.WHICH }}')
    {%- endif -%}
{%- endmacro %}
