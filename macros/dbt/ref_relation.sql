{# As ref(), by the name of a model's relation: `repository_activity_v2` is version 2 of the model repository_activity. #}
{% macro ref_relation(relation_name) -%}
    {% set versioned = modules.re.match('(.+)_v([0-9]+)$', relation_name) %}
    {{ return(ref(versioned.group(1), v=versioned.group(2) | int) if versioned else ref(relation_name)) }}
{%- endmacro %}
