{#
    A declared path of a contract as jsonpath: itself, where its parents are, which of them count, and the filter that is
    true of one which breaks the declaration. Kept apart so that one visit checks all paths of a parent.

    Args:
        path: dict with path, type, required; for instance {'path': 'payload.commits[].sha', 'type': 'string'}.

    Returns {'path': '$."payload"."commits"[*]."sha"', 'parent': '$."payload"."commits"[*]',
    'guard': '@.type() == "object"', 'filter': '!(@."sha"...)'}.

    A required path must be there wherever its parent object is. In lax mode a filter unwraps arrays, but type() does not,
    so that every filter asks for the type of the key itself.
#}
{% macro contract_violation(path) -%}
    {% set steps = contract_steps(path.path) %}
    {# An element is looked at from the object that holds its array: the leaf begins at the last key. #}
    {% set reached = namespace(parent='$', leaf='') %}
    {% for step in steps %}
        {% if step is string %}
            {% set reached.parent = reached.parent ~ reached.leaf %}
            {% set reached.leaf = '.' ~ tojson(step) %}
        {% else %}
            {% set reached.leaf = reached.leaf ~ '[' ~ ('*' if step is none else step) ~ ']' %}
        {% endif %}
    {% endfor %}
    {% set value = '@' ~ reached.leaf %}
    {% if steps[-1] is not string %}
        {% set filter = contract_element_violation(value, path.type) %}
    {% else %}
        {# What every sound value answers comes first. A key that is not there has no type, and so none but null. #}
        {% set presence = '' if path.required else ' && ' ~ value ~ '.type() != "null"' %}
        {% set filter = '!(' ~ contract_type_check(value, path.type) ~ ')' ~ presence %}
    {% endif %}
    {{ return({
        'path': reached.parent ~ reached.leaf, 'parent': reached.parent, 'guard': '@.type() == "object"', 'filter': filter
    }) }}
{%- endmacro %}

{# The jsonpath predicate that an array has an element, not null, of another type. Their types are asked for as names, because a filter
   would unwrap an element that is an array. #}
{% macro contract_element_violation(elements, type) -%}
    {% set names = [] %}
    {% for name in ['null'] + contract_json_types(type) %}
        {% do names.append('@ != "' ~ name ~ '"') %}
    {% endfor %}
    {% set found = 'exists(' ~ elements ~ '.type() ? (' ~ names | join(' && ') ~ '))' %}
    {% if type == 'any' %}
        {{ return('1 == 0') }}
    {% elif [type] == contract_json_types(type) %}
        {{ return(found) }}
    {% endif %}
    {{ return(found ~ ' || exists(' ~ elements ~ ' ? (@.type() != "null" && !(' ~ contract_type_check('@', type) ~ ')))') }}
{%- endmacro %}
