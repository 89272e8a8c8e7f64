{#
    A declared path of a contract as jsonpath, in three parts: where its parents are, which of them count, and the
    filter that is true of one which breaks the declaration. Kept apart so that one visit checks all paths of a parent.

    Args:
        path: dict with path, type, required; for instance {'path': 'payload.commits[].sha', 'type': 'string'}.

    Returns {'parent': '$."payload"."commits"[*]', 'guard': '@.type() == "object"', 'filter': '!(@."sha"...)'}.

    A required path must be there wherever its parent object is. Elements of arrays are checked for their JSON type only. In lax mode a filter unwraps arrays, but type() does
    not, so that every filter asks for the type of the key itself.
#}
{% macro contract_violation(path) -%}
    {% set steps = contract_steps(path.path) %}
    {% set parent = contract_json_path(steps[:-1]) %}
    {% set leaf = contract_step(steps[-1]) %}
    {% if steps[-1] is not string %}
        {# An element: what is asked is the name of its type, because a filter would unwrap an element that is an array. #}
        {% set parent = parent ~ leaf ~ '.type()' %}
        {% set guard = '@ != "null"' %}
        {% set filter = '@ != "' ~ {'integer': 'number', 'timestamp': 'string'}.get(path.type, path.type) ~ '"' %}
    {% else %}
        {% set value = '@' ~ leaf %}
        {% set guard = '@.type() == "object"' %}
        {# What every sound value answers comes first. A key that is not there has no type, and so none but null. #}
        {% set presence = '' if path.required else ' && ' ~ value ~ '.type() != "null"' %}
        {% set filter = '!(' ~ contract_type_check(value, path.type) ~ ')' ~ presence %}
    {% endif %}
    {{ return({'parent': parent, 'guard': guard, 'filter': filter}) }}
{%- endmacro %}

{# Steps of a declared path as jsonpath: ['payload', 'commits', none] is $."payload"."commits"[*]. #}
{% macro contract_json_path(steps) -%}
    {% set path = namespace(text='$') %}
    {% for step in steps %}
        {% set path.text = path.text ~ contract_step(step) %}
    {% endfor %}
    {{ return(path.text) }}
{%- endmacro %}

{# One step of a declared path as jsonpath: ."commits", [*] or [1]. #}
{% macro contract_step(step) -%}
    {% if step is string %}
        {{ return('.' ~ tojson(step)) }}
    {% endif %}
    {{ return('[' ~ ('*' if step is none else step) ~ ']') }}
{%- endmacro %}

{# The jsonpath predicate that a value has a type of the contract and can be cast to its SQL type. #}
{% macro contract_type_check(value, type) -%}
    {% if type == 'integer' %}
        {{ return(
            value ~ '.type() == "number" && ' ~ value ~ '.floor() == ' ~ value ~ ' && ' ~ value
            ~ ' >= -9223372036854775808 && ' ~ value ~ ' <= 9223372036854775807'
        ) }}
    {% elif type == 'timestamp' %}
        {{ return(value ~ '.type() == "string" && ' ~ value ~ ' like_regex "' ~ timestamp_pattern() ~ '"') }}
    {% elif type == 'any' %}
        {{ return('exists(' ~ value ~ ')') }}
    {% endif %}
    {{ return(value ~ '.type() == "' ~ type ~ '"') }}
{%- endmacro %}
