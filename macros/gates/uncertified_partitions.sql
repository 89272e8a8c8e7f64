{#
    The partitions that a gate has to look at: those which lack its verdict at their present version, of any model that it
    reads. So its cost follows what was built, and whatever was not proven stays in sight until it is.

    Args:
        model_name: the model that is asked about by anything but a gate.

    Returns rows (partition_start) as ISO text in UTC, in order.
#}
{% macro uncertified_partitions(model_name) -%}
    {% set is_gate = model.resource_type == 'test' %}
    {% set models = held_models(model) if is_gate else [built_model(model_name)] %}
    {% set statement %}
        select distinct {{ iso_text('partition_start') }} as partition_start
        from ops.missing_verdicts
        where
            model = any({{ text_array(models) }})
            {%- if is_gate %}
            and gate = '{{ model.name }}'
            {%- endif %}
        order by partition_start
    {% endset %}
    {{ return(run_query(statement).rows if execute else []) }}
{%- endmacro %}
