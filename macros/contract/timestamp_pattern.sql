{# A regular expression of the instants that PostgreSQL can cast without error: a real day of the calendar from 1900
   to 2099, a time of day, an offset. As jsonpath and SQL take it alike, without a backslash. #}
{% macro timestamp_pattern() -%}
    {%- set long_month = '(0[13578]|1[02])[-/](0[1-9]|[12][0-9]|3[01])' -%}
    {%- set short_month = '(0[469]|11)[-/](0[1-9]|[12][0-9]|30)' -%}
    {%- set february = '02[-/](0[1-9]|1[0-9]|2[0-8])' -%}
    {%- set leap_day = '((19|20)(0[48]|[2468][048]|[13579][26])|2000)[-/]02[-/]29' -%}
    {%- set day = '((19|20)[0-9][0-9][-/](' ~ long_month ~ '|' ~ short_month ~ '|' ~ february ~ ')|' ~ leap_day ~ ')' -%}
    {%- set time = '([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]([.][0-9]{1,9})?' -%}
    {%- set offset = '(Z| ?[+-](0[0-9]|1[0-4]):?[0-5][0-9])' -%}
    ^{{ day }}[T ]{{ time }}{{ offset }}$
{%- endmacro %}
