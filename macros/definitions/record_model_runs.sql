{# on-run-end: how long each model that built something took, and its gates, in seconds; for the estimates of plans. #}
{% macro record_model_runs(results) -%}
    {%- set gate_seconds = {} -%}
    {%- for result in results if result.node.resource_type == 'test' -%}
        {%- set name = gated_model(result.node) -%}
        {%- do gate_seconds.update({name: gate_seconds.get(name, 0) + result.execution_time}) -%}
    {%- endfor -%}
    {%- set built = [] -%}
    {%- for result in results
        if result.node.resource_type == 'model' and result.status == 'success' and not is_dry_run() -%}
        {%- set partitions = built_by(result.node.compiled_code or '') | length -%}
        {%- if partitions or result.node.config.materialized != 'incremental' -%}
            {%- do built.append((result.node.alias, partitions, result.execution_time)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name, partitions, seconds in built %}
    {%- if loop.first %}
    insert into ops.model_runs (run_id, model, partitions, seconds, gate_seconds)
    values
    {%- endif %}
    ('{{ invocation_id }}', '{{ name }}', {{ partitions }}, {{ seconds }}, {{ gate_seconds.get(name, 0) }})
    {{- ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
