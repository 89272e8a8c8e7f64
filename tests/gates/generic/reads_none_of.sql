{#
    Fails for each of the given columns that the model's SQL names or that the model has: what a source writes after the instant
    that a row is about tells the outcome, and would not be there when a prediction is asked for.

    Args:
        columns: names of columns upstream.
#}
{% test reads_none_of(model, columns) %}

    {%- set found = [] -%}
    {%- if execute -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and node.name == model.identifier -%}
        {%- for column in columns if modules.re.search('\\b' ~ modules.re.escape(column) ~ '\\b', node.raw_code) -%}
            {%- do found.append(column) -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- endif %}
    select column_name
    from (
        values
        {%- for column in columns %}
        ('{{ column }}', {{ column in found }}){{ ',' if not loop.last }}
        {%- endfor %}
    ) as checked (column_name, is_read)
    where is_read

{% endtest %}
