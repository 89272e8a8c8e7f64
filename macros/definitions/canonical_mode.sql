{#
    Whether a model is rendered to tell its definition, and not to be built: 'first' as it is built from nothing, 'next'
    as partitions are added, none otherwise. Set by definition() while a model is built, and by the variable
    `canonical_mode` when `headgate plan` compiles the project.
#}
{% macro canonical_mode() -%}
    {{ return(model.get('canonical_mode') or var('canonical_mode', none)) }}
{%- endmacro %}
