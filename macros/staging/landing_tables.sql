{# The landing tables whose records are held to a source's contract and typed by its models, its own first, as
   [source, table] pairs. GitHub's events are one source's records however they come; the same rule stands in
   ops.loads.contract_source. #}
{% macro landing_tables(source_name, table_name) -%}
    {% set others = {
        'gharchive': [['github_events', 'events'], ['github_webhooks', 'deliveries']],
    } %}
    {{ return([[source_name, table_name]] + others.get(source_name, [])) }}
{%- endmacro %}
