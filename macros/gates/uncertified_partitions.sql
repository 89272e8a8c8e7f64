{#
    The partitions that a gate has to look at: those which lack its verdict at their present version, of any model that it
    reads. So its cost follows what was built, and whatever was not proven stays in sight until it is.

    Args:
        model_name: the model that is asked about by anything but a gate.

    Returns rows (partition_start) as ISO text in UTC, in order.
#}
{% macro uncertified_partitions(model_name) -%}
    {% if not execute %}
        {{ return([]) }}
    {% endif %}
    {% set is_gate = model.resource_type == 'test' %}
    {% set models = held_models(model) if is_gate else [built_model(model_name)] %}
    {% set statement %}
        -- Estimated by what a history might lack, compiling takes a hundred times as long as running.
        set local jit = off;
        select distinct
            {{ 'gate,' if is_gate }}
            {{ iso_text('partition_start') }} as partition_start
        from ops.missing_verdicts
        where model = any({{ text_array(models) }})
        order by partition_start
    {% endset %}
    {% if not is_gate %}
        {{ return(run_query(statement).rows) }}
    {% endif %}
    {#- Gates of the same models come after a run has built these; those of a landing table, before. -#}
    {% set landed = model.depends_on.nodes | select('in', graph.sources) | list %}
    {% set missing = once('verdicts on ' ~ (models + landed) | join(' '), statement) if models else [] %}
    {{ return(missing | selectattr('gate', 'equalto', model.name) | list) }}
{%- endmacro %}
