{# on-run-start: refuses what has models read a part of their upstream, or another's, and record it as the whole. #}
{% macro require_whole_reads() -%}
    {%- if execute and flags.WHICH in writing_commands() -%}
    {%- for option in ['sample', 'event_time_start', 'event_time_end'] if invocation_args_dict.get(option) -%}
        {{ exceptions.raise_compiler_error(
            'dbt --' ~ option | replace('_', '-') ~ ': expected whole partitions, which is what Headgate records as built'
            ~ ' and what its gates certify; found an option that reads a part of them. Nothing was touched. Next: leave it out;'
            ~ ' --empty checks the SQL without changing anything, and fewer hours landed in a database of your own are a sample'
        ) }}
    {%- endfor -%}
    {%- for node in graph.nodes.values() if invocation_args_dict.get('defer') and node.defer_relation -%}
        {%- set other = node.defer_relation -%}
        {%- if (other.database, other.schema, other.alias) != (node.database, node.schema, node.alias) -%}
            {{ exceptions.raise_compiler_error(
                'dbt --defer: expected ' ~ node.name ~ ' in ' ~ node.schema ~ '.' ~ node.alias ~ ' of database ' ~ node.database
                ~ '; found ' ~ other.schema ~ '.' ~ other.alias ~ ' of database ' ~ other.database ~ ' in the state. What'
                ~ ' Headgate records as built holds for one database. Nothing was touched. Next: leave out --defer'
            ) }}
        {%- endif -%}
    {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
