{# Units of the types epoch_s, epoch_ms, epoch_us and epoch_ns in a second. #}
{% macro epoch_units() -%}
    {{ return({'epoch_s': 1, 'epoch_ms': 1000, 'epoch_us': 1000000, 'epoch_ns': 1000000000}) }}
{%- endmacro %}

{# What jsonb_typeof says of values of a type of the contract, as a list. #}
{% macro contract_json_types(type) -%}
    {% if type.startswith('epoch_') %}
        {{ return(['number', 'string']) }}
    {% endif %}
    {{ return([{'integer': 'number', 'timestamp': 'string', 'date': 'string'}.get(type, type)]) }}
{%- endmacro %}

{# The jsonpath predicate that a value has a type of the contract and can be cast to its SQL type. #}
{% macro contract_type_check(value, type) -%}
    {% set is_number = value ~ '.type() == "number"' %}
    {% set is_string = value ~ '.type() == "string"' %}
    {% if type == 'integer' %}
        {{ return(
            is_number ~ ' && ' ~ value ~ '.floor() == ' ~ value ~ ' && ' ~ value
            ~ ' >= -9223372036854775808 && ' ~ value ~ ' <= 9223372036854775807'
        ) }}
    {% elif type == 'timestamp' %}
        {{ return(is_string ~ ' && ' ~ value ~ ' like_regex "' ~ timestamp_pattern() ~ '"') }}
    {% elif type == 'date' %}
        {{ return(is_string ~ ' && ' ~ value ~ ' like_regex "^' ~ date_pattern() ~ '$"') }}
    {% elif type in epoch_units() %}
        {% set is_numeric = is_string ~ ' && ' ~ value ~ ' like_regex "^-?[0-9]{1,19}([.][0-9]{1,9})?$"' %}
        {{ return(
            '(' ~ is_number ~ ' && ' ~ in_epoch_span(value, type) ~ ' || '
            ~ is_numeric ~ ' && ' ~ in_epoch_span(value ~ '.double()', type) ~ ')'
        ) }}
    {% elif type == 'any' %}
        {{ return('exists(' ~ value ~ ')') }}
    {% endif %}
    {{ return(value ~ '.type() == "' ~ type ~ '"') }}
{%- endmacro %}

{# The jsonpath predicate that a number, as a time of an epoch type, lies from 1900 to 2099. #}
{% macro in_epoch_span(number, type) -%}
    {% set unit = epoch_units()[type] %}
    {{ return(number ~ ' >= ' ~ (-2208988800 * unit) ~ ' && ' ~ number ~ ' < ' ~ (4102444800 * unit)) }}
{%- endmacro %}

{#
    What a value is, in words, where it is not of its declared type; null where it is. Never the value itself: reasons are kept.

    Args:
        value: SQL of a jsonb value.
        type: SQL of a type of the contract.
#}
{% macro contract_found(value, type) -%}
    {%- set text = '(' ~ value ~ " #>> '{}')" -%}
    case
        when coalesce(jsonb_typeof({{ value }}), 'null') = 'null' then null
        {%- for name in ['integer', 'timestamp', 'date'] + epoch_units() | list %}
        when {{ type }} = '{{ name }}' and {{ value }} @? 'strict $ ? ({{ contract_type_check('@', name) }})' then null
        {%- endfor %}
        when {{ type }} not in ('integer', 'timestamp', 'date') and {{ type }} in (jsonb_typeof({{ value }}), 'any') then null
        when {{ type }} = 'integer' and jsonb_typeof({{ value }}) = 'number'
            then case when {{ value }} @? '$ ? (@.floor() == @)' then 'number beyond 64 bits' else 'number with a fraction' end
        when {{ type }} like 'epoch%' and jsonb_typeof({{ value }}) = 'number' then 'number outside 1900 to 2099'
        when jsonb_typeof({{ value }}) <> 'string' then jsonb_typeof({{ value }})
        when {{ type }} = 'boolean' and {{ text }} in ('true', 'false') then 'string that holds a boolean'
        when
            ({{ type }} in ('integer', 'number') or {{ type }} like 'epoch%')
            and {{ text }} ~ '^[+-]?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$'
            then
                case
                    when {{ type }} like 'epoch%' then 'string that holds a number outside 1900 to 2099'
                    else 'string that holds a number'
                end
        when {{ type }} not in ('timestamp', 'date') then 'string'
        when {{ type }} = 'date' and {{ text }} ~ '{{ timestamp_pattern() }}' then 'timestamp'
        when {{ text }} !~ '^[+-]?[0-9]{4,6}([-/])[0-9]{2}\1[0-9]{2}' then 'string that is no ' || {{ type }}
        when {{ text }} !~ '^(19|20)[0-9]{2}[-/]' or {{ text }} ~ 'BC$'
            then {{ type }} || ' outside 1900 to 2099'
        else 'string that is no day or time of the calendar'
    end
{%- endmacro %}
