{# The partitions that a compiled model builds: rows with contract_source, partition_start and upstream_version; see builds(). #}
{% macro built_by(compiled_code) -%}
    {% set line = modules.re.search('-- headgate builds:(.*)', compiled_code or '') %}
    {% set partitions = [] %}
    {% for entry in (line.group(1).split() if line else []) %}
        {% set place, upstream_version = entry.split('=') %}
        {% set source_name, partition_start = place.split('/') %}
        {% do partitions.append({
            'contract_source': source_name,
            'partition_start': partition_start,
            'upstream_version': upstream_version,
        }) %}
    {% endfor %}
    {{ return(partitions) }}
{%- endmacro %}
