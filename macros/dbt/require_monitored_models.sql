{#
    on-run-start: refuses to leave the answers of served models unwatched. A project that declares no model has no use for the models
    of the log and its monitoring: the variable `serves_models` switches them on, and has to where a model is declared or answered.
#}
{% macro require_monitored_models() -%}
    {%- if execute and flags.WHICH in writing_commands() and not var('serves_models', false) -%}
        {%- set found = [] -%}
        {%- for exposure in graph.exposures.values() if (exposure.config.meta or {}).model -%}
            {%- do found.append('model ' ~ exposure.name ~ ' is declared') -%}
        {%- endfor -%}
        {%- if run_query("select from ops.loads where source = 'predictions' limit 1").rows -%}
            {%- do found.append('predictions were logged') -%}
        {%- endif -%}
        {%- if found -%}
            {{ exceptions.raise_compiler_error(
                'served models: expected to be monitored; found that ' ~ found | join(', ') ~ ', while serves_models is not true.'
                ~ ' Nothing was built. Next: set serves_models: true below vars in dbt_project.yml, as headgate new model does'
            ) }}
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
