{# The name of the model that a dbt test stands behind: the one it is attached to, else the last that it reads. #}
{% macro gate_model(node) %}
    {% set unique_id = node.attached_node or node.depends_on.nodes | last | default('', true) %}
    {{ return(unique_id.split('.')[2:] | join('.') or none) }}
{% endmacro %}
