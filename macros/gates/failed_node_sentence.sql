{# One line on one failed result; `result` is a dbt run result. #}
{% macro failed_node_sentence(result) %}
    {% set node = result.node %}
    {% if node.resource_type == 'test' and result.status == 'fail' %}
        {% set rows = '1 row' if result.failures == 1 else result.failures ~ ' rows' %}
        {% set kept = ', kept in ' ~ node.relation_name | replace('"', '') if node.relation_name else '' %}
        {% set text = 'Gate ' ~ node.name ~ ' on ' ~ gated_model(node) ~ ' failed: ' ~ rows ~ kept
            ~ '. Show them: headgate gates show ' ~ node.name %}
    {% else %}
        {% set text = node.resource_type | capitalize ~ ' ' ~ node.name ~ ' could not run: '
            ~ result.message | default('', true) | trim | replace('\n', ' ') | truncate(400, true) %}
    {% endif %}
    {{ return(text) }}
{% endmacro %}
