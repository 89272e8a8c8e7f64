{# A join condition: the declared path holds for records of this type ('*': a type no path names) and generation. #}
{% macro contract_path_applies(contract_path, record_type, schema_generation) -%}
    ({{ contract_path }}.schema_generations is null or {{ schema_generation }} = any({{ contract_path }}.schema_generations))
        and (
            {{ contract_path }}.record_types is null
            or coalesce({{ record_type }} = any({{ contract_path }}.record_types), false)
        )
        and (
            {{ contract_path }}.record_types_excepted is null
            or coalesce({{ record_type }} != all({{ contract_path }}.record_types_excepted), true)
        )
{%- endmacro %}
