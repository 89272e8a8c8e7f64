{#
    What the current model is built from, for ops.model_definitions.

    Returns
        first_sql, next_sql: its canonical SQL, built from nothing and with partitions added
        settings: what else decides on its rows: the key of replaced rows, as sorted JSON
        upstream: names of the models that this SQL reads
        seeds: hashes of the seeds that it reads, by name, as sorted JSON
#}
{% macro definition() -%}
    {% set texts = canonical_sql(['first', 'next'] if model.config.materialized == 'incremental' else ['first']) %}
    {% set first_sql = texts | first %}
    {% set next_sql = texts | last %}
    {% set upstream = [] %}
    {% set seeds = {} %}
    {% for node_id in model.depends_on.nodes %}
        {% set node = graph.nodes.get(node_id) %}
        {# What a model waits for, but does not read, has no part in its rows. #}
        {% if node and '"' ~ node.schema ~ '"."' ~ (node.alias or node.name) ~ '"' in first_sql ~ next_sql %}
            {% if node.resource_type == 'seed' %}
                {% do seeds.update({node.name: node.checksum.checksum}) %}
            {% else %}
                {% do upstream.append(node.alias or node.name) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {{ return({
        'first_sql': first_sql,
        'next_sql': next_sql,
        'settings': tojson({'unique_key': model.config.unique_key | default(none)}, sort_keys=true),
        'upstream': upstream | sort,
        'seeds': tojson(seeds, sort_keys=true),
    }) }}
{%- endmacro %}
