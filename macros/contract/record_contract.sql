{# Statements that keep the contract of a source in ops.contracts, when the current model checks records by it. #}
{% macro record_contract(source_name) -%}
    {%- for source in graph.sources.values()
        if source.source_name == source_name and source.config.meta.contract
        and 'model.' ~ project_name ~ '.contract_paths' in model.depends_on.nodes %}
    insert into ops.contracts (source, version, contract)
    values (
        '{{ source_name }}', {{ source.config.meta.contract.version }},
        {{ quoted_text(tojson(source.config.meta.contract)) }}
    )
    on conflict (source, version) do nothing;
    {%- endfor %}
{%- endmacro %}
