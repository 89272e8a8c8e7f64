{# An instant as ISO text in UTC, to the microsecond. Use: {{ iso_text('loads.partition_end') }} #}
{% macro iso_text(instant) -%}
    to_char({{ instant }} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
{%- endmacro %}
