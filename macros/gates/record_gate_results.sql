{% macro record_gate_results(results) -%} {%- endmacro %}
