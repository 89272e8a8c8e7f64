{# A regular expression of the instants that PostgreSQL casts without error, and to the instant that they say: a real
   day of the calendar from 1900 to 2099, and where there is a time of day, it and its zone. As jsonpath and SQL take it alike, without
   a backslash. headgate.landing.times reads the same texts as the same instants. #}
{% macro timestamp_pattern() -%}
    {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9](:[0-5][0-9]([.][0-9]{1,9})?)?' -%}
    {%- set zone = ' ?([Zz]|UTC|GMT|[+-](0[0-9]|1[0-5])(:?[0-5][0-9])?)' -%}
    ^{{ date_pattern() }}([Tt ]{{ time }}({{ zone }})?)?$
{%- endmacro %}

{# A regular expression of the real days of the calendar from 1900 to 2099, year first, without its ends. #}
{% macro date_pattern() -%}
    {%- set days = [] -%}
    {#- PostgreSQL takes either mark, not both in one date. -#}
    {%- for mark in ['-', '/'] -%}
        {%- set long_month = '(0[13578]|1[02])' ~ mark ~ '(0[1-9]|[12][0-9]|3[01])' -%}
        {%- set short_month = '(0[469]|11)' ~ mark ~ '(0[1-9]|[12][0-9]|30)' -%}
        {%- set february = '02' ~ mark ~ '(0[1-9]|1[0-9]|2[0-8])' -%}
        {%- set leap_day = '((19|20)(0[48]|[2468][048]|[13579][26])|2000)' ~ mark ~ '02' ~ mark ~ '29' -%}
        {%- set any_day = long_month ~ '|' ~ short_month ~ '|' ~ february -%}
        {%- do days.append('(19|20)[0-9][0-9]' ~ mark ~ '(' ~ any_day ~ ')|' ~ leap_day) -%}
    {%- endfor -%}
    ({{ days | join('|') }})
{%- endmacro %}
