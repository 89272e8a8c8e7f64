{#
    The versions of the partitions that a model holds: SQL for a FROM clause with (partition_start, version).
    A view holds what the first incremental model that it is made from holds.
#}
{% macro partition_versions(model_name) -%}
    (
        select partition_start, version
        from ops.built_partitions
        where model = '{{ built_model(model_name) }}'
    )
{%- endmacro %}

{# The incremental model whose partitions a model holds: itself, or what a view is made from; none for seeds and the like. #}
{% macro built_model(model_name) -%}
    {% set node = (graph.nodes or {}).get('model.' ~ project_name ~ '.' ~ model_name) %}
    {% if not node %}
        {{ return(none) }}
    {% elif node.config.materialized == 'incremental' %}
        {{ return(model_name) }}
    {% endif %}
    {% for parent in node.depends_on.nodes if parent.startswith('model.') %}
        {% set found = built_model(parent.split('.')[-1]) %}
        {% if found %}
            {{ return(found) }}
        {% endif %}
    {% endfor %}
{%- endmacro %}
