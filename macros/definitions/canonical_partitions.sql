{# What stale_partitions() says when a model tells its definition: always the same, whatever has landed. #}
{% macro canonical_partitions() -%}
    {{ return([{
        'partition_start': '2000-01-01T00:00:00Z',
        'partition_end': '2000-01-01T01:00:00Z',
        'load_id': 0,
        'upstream_version': '0',
        'was_built': canonical_mode() == 'next',
    }]) }}
{%- endmacro %}
