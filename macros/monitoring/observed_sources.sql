{#
    Names of the sources whose loads are looked at: those with a macro <source>_schema_generation, which says how the
    generations of their records are told apart. Each has a model <source>_observed_paths. Read from the names of macros,
    because dbt has to know what a model reads before it knows the sources; so a new source needs new files only.

    Returns names in order, for instance ['orders'].
#}
{% macro observed_sources() -%}
    {% set suffix = '_schema_generation' %}
    {% set named = [] %}
    {#- The log of served models is one of them where models are declared. -#}
    {% set left_out = [] if var('serves_models', false) else ['predictions' ~ suffix] %}
    {% for name in context if name.endswith(suffix) and name not in left_out %}
        {% do named.append(name[:-(suffix | length)]) %}
    {% endfor %}
    {% if execute %}
        {% do require_observed(named) %}
    {% endif %}
    {{ return(named | sort) }}
{%- endmacro %}

{# Fails when a source with a contract has a model <source>_observed_paths that the current node would pass over. #}
{% macro require_observed(named) -%}
    {% for source in (graph.sources or {}).values() if source.config.meta.contract %}
        {% set name = source.source_name %}
        {% set observing = 'model.' ~ project_name ~ '.' ~ name ~ '_observed_paths' %}
        {% if observing in graph.nodes and name not in named %}
            {% do exceptions.raise_compiler_error(
                'Source ' ~ name ~ ' has a contract and a model ' ~ name ~ '_observed_paths, but no macro ' ~ name
                ~ '_schema_generation: its loads would not be held against the contract. Add macros/' ~ name ~ '/'
                ~ name ~ '_schema_generation.sql.'
            ) %}
        {% elif observing in graph.nodes and observing not in model.depends_on.nodes %}
            {% do exceptions.raise_compiler_error(
                model.name ~ ' was read before source ' ~ name ~ ' came. Run dbt parse --no-partial-parse, then this again.'
            ) %}
        {% endif %}
    {% endfor %}
{%- endmacro %}
