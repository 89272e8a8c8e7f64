{#
    Declared paths, as python/headgate/contract/paths.py reads and writes them: `customer."e.mail"`, `items[][1]."a b"`.
    A key that holds anything but plain characters stands in quotes, as a JSON string.
#}

{# The steps of a declared path: a key (a string), a position in an array (a number), or none for every element. #}
{% macro contract_steps(path) -%}
    {% set steps = [] %}
    {% for quoted, bare, position in modules.re.findall('("(?:[^"\\\\]|\\\\.)*")|([^.\\[\\]"]+)|\\[(\\d*)\\]', path) %}
        {% do steps.append(fromjson(quoted) if quoted else bare or (position | int if position else none)) %}
    {% endfor %}
    {{ return(steps) }}
{%- endmacro %}

{# The one spelling of a declared path: keys in quotes only where they need them. #}
{% macro contract_path(path) -%}
    {% set written = namespace(text='') %}
    {% for step in contract_steps(path) %}
        {% if step is string %}
            {% set written.text = written.text ~ ('.' if written.text else '') ~ contract_key(step) %}
        {% else %}
            {% set written.text = written.text ~ '[' ~ (step if step is number else '') ~ ']' %}
        {% endif %}
    {% endfor %}
    {{ return(written.text) }}
{%- endmacro %}

{# A key as it stands in a declared path: bare, or in quotes where it needs them. #}
{% macro contract_key(key) -%}
    {% if modules.re.fullmatch('[^\\x00-\\x20\\x7f.\\[\\]"\\\\{]+', key) %}
        {{ return(key) }}
    {% endif %}
    {% set characters = ['"'] %}
    {% for character in key %}
        {% do characters.append(
            '\\u007b' if character == '{'
            else tojson(character)[1:-1] if character < ' ' or character in '"\\' else character
        ) %}
    {% endfor %}
    {{ return(characters | join ~ '"') }}
{%- endmacro %}

{# SQL of the same: a key of a record as it stands in a declared path. Use: {{ contract_key_of('members.key') }} #}
{% macro contract_key_of(key) -%}
    case
                when {{ key }} ~ '^[^\u0001-\u0020\u007f.\[\]"\\{]+$' then {{ key }}
                else replace(to_json({{ key }})::text, '{', '\u007b')
            end
{%- endmacro %}

{# SQL of the path without its last key, and what brackets follow it. Use: {{ contract_parent_of('observed.path') }} #}
{% macro contract_parent_of(path) -%}
    regexp_replace({{ path }}, '(\.|^)("([^"\\]|\\.)*"|[^."\[\]]*)(\[[0-9]*\])*$', '')
{%- endmacro %}

{# SQL of the path with [] for each position; brackets in quotes are a part of a key. Not followed by an odd number of
   quotes: not in them. Use: {{ contract_path_observed('declared.path') }} #}
{% macro contract_path_observed(path) -%}
    regexp_replace({{ path }}, '\[[0-9]+\](?=([^"\\]|"([^"\\]|\\.)*")*$)', '[]', 'g')
{%- endmacro %}

{# SQL of the path without what is in quotes, to look for brackets. Use: {{ contract_path_bare('declared.path') }} #}
{% macro contract_path_bare(path) -%}
    regexp_replace({{ path }}, '"([^"\\]|\\.)*"', '', 'g')
{%- endmacro %}
