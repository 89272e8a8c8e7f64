{#
    Refuses to hold records to another contract than the one that is declared: contract_paths is a table, and a selection
    that leaves it out would type by what it held when it was built last, or quarantine everything of a source that it does
    not know yet. Where nothing is going to be typed, nothing is asked.

    Args:
        source_name: the source that declares the contract.
        partitions: what stale_partitions() returned.
#}
{% macro require_current_contract(source_name, partitions) -%}
    {%- if execute and partitions and flags.WHICH in ('run', 'build') and not canonical_mode() and not is_dry_run() -%}
    {%- for source in (graph.sources or {}).values() if source.source_name == source_name and source.config.meta.contract -%}
        {%- set relation = load_relation(ref('contract_paths')) -%}
        {%- set rows = run_query(
            "select to_jsonb(paths) ->> 'contract_md5' as contract_md5 from " ~ relation ~ " as paths where source_name = '"
            ~ source_name ~ "' limit 1"
        ).rows if relation else [] -%}
        {%- if not rows or rows[0].contract_md5 != contract_md5(source.config.meta.contract) -%}
            {{ exceptions.raise_compiler_error(
                model.name ~ ': expected contract_paths to hold the contract of ' ~ source_name ~ ' as it is declared; found '
                ~ ('another one' if rows else 'none') ~ ', for this selection leaves contract_paths out. Nothing was typed.'
                ~ ' Next: put a + in front of what is selected (dbt build --select +path:models/staging/' ~ source_name
                ~ '), or run dbt build --select contract_paths first'
            ) }}
        {%- endif -%}
    {%- endfor -%}
    {%- endif -%}
{%- endmacro %}

{# What tells one contract from another, in contract_paths. #}
{% macro contract_md5(contract) -%}
    {{ return(local_md5(tojson(contract, sort_keys=true))) }}
{%- endmacro %}
