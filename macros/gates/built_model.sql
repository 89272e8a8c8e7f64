{# The incremental model whose partitions a model holds: itself, or what a view is made from; none for seeds and the like.
   Models go by the names of their relations, which tell versions of a model apart. #}
{% macro built_model(model_name) -%}
    {% set versioned = modules.re.match('(.+)_v([0-9]+)$', model_name) %}
    {% set path = versioned.group(1) ~ '.v' ~ versioned.group(2) if versioned else model_name %}
    {% set nodes = graph.nodes or {} %}
    {% set node = nodes.get('model.' ~ project_name ~ '.' ~ path) or nodes.get('model.' ~ project_name ~ '.' ~ path ~ '.v1') %}
    {% if not node %}
        {{ return(none) }}
    {% elif node.config.materialized == 'incremental' %}
        {{ return(model_name) }}
    {% endif %}
    {% for parent in node.depends_on.nodes if parent.startswith('model.') %}
        {% set found = built_model(nodes[parent].alias) %}
        {% if found %}
            {{ return(found) }}
        {% endif %}
    {% endfor %}
{%- endmacro %}
