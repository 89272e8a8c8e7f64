{# The table in which a feature view notes the key and as_of of every row that a run writes or removes; the publisher
   reads and empties it, so that its cost follows what changed. Use: insert into {{ changed_rows() }} select ... #}
{% macro changed_rows() -%}
    ops.changed_{{ this.identifier }}
{%- endmacro %}
