{# Pre-hook of every model, one statement: what has to be so before it is built, in its transaction. #}
{% macro before_build() -%}
    {#- Compiling expressions takes longer than it saves. -#}
    {{ in_turn(['set local jit = off', build_lock(), reset_partition_state(), prepare_feature_view()]) }}
{%- endmacro %}

{# Post-hook of every model, one statement: what is recorded of what was built, in its transaction. #}
{% macro after_build() -%}
    {{ in_turn([record_entries(), record_definition(), record_built_partitions()]) }}
{%- endmacro %}

{# Statements that are sent together, without those that are empty. #}
{% macro in_turn(statements) -%}
    {%- set found = [] -%}
    {%- for statement in statements if statement | trim -%}
        {%- do found.append(statement | trim | trim(';')) -%}
    {%- endfor -%}
    {{ return(found | join(';\n')) }}
{%- endmacro %}
