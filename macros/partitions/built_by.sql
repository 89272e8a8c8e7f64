{# The partitions that a compiled model builds, as (partition_start, upstream_version) pairs; see builds(). #}
{% macro built_by(compiled_code) -%}
    {% set line = modules.re.search('-- headgate builds:(.*)', compiled_code) %}
    {% set pairs = [] %}
    {% for entry in (line.group(1).split() if line else []) %}
        {% do pairs.append(entry.split('=')) %}
    {% endfor %}
    {{ return(pairs) }}
{%- endmacro %}
