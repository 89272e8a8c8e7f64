{# A number of seconds, or of parts of one, since 1970 as timestamptz. Use: {{ json_epoch('root.created', 'epoch_ms') }}, where
   root was unpacked with `created text`. #}
{% macro json_epoch(number, type) -%}
    timestamptz 'epoch' + round({{ number }}::numeric * 1000000 / {{ epoch_units()[type] }}) * interval '1 microsecond'
{%- endmacro %}
