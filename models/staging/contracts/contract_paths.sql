{{ config(materialized='table') }}

{% set rows = [] %}
{#- What a model is built from does not include the contract: it has versions of its own, in ops.contracts. #}
{% set sources = {} if canonical_mode() else graph.sources or {} %}
{% for source in sources.values() if source.config.meta.contract %}
    {% set contract = source.config.meta.contract %}
    {#- Once for all of its paths: rendering is what this model costs. #}
    {% set contract_hash = contract_md5(contract) %}
    {% set time_path = contract_path(contract.envelope.time or '') %}
    {% for path in contract.paths + contract_unnamed_generations(contract) %}
        {# Landing reads the record's own time: where it has to lie in the partition, recorded_at says whether it could. #}
        {% set written = contract_path(path.path) %}
        {% set is_time = written == time_path %}
        {% set is_held_to_partition = is_time and path.type == 'timestamp' and contract.time_tolerance_hours is not none %}
        {% set checked = dict(path, type='string') if is_held_to_partition else path %}
        {% do rows.append({
            'source': source.source_name,
            'contract': contract,
            'contract_hash': contract_hash,
            'path': path,
            'written': written,
            'violation': contract_violation(checked),
        }) %}
    {% endfor %}
{% endfor %}

with declared (
    source_name, contract_version, time_tolerance_hours, path, json_type, is_required, is_personal_data,
    record_types, record_types_excepted, schema_generations, json_path, parent_json_path, parent_guard,
    violation, contract_md5
) as (

    {% for row in rows %}
    {#- Of as many selects the planner takes a hundred times as long. #}
    {{ 'values' if loop.first }}
    (
        '{{ row.source }}'::text,
        {{ row.contract.version }}::integer,
        {{ 'null' if row.contract.time_tolerance_hours is none else row.contract.time_tolerance_hours }}::integer,
        {{ quoted_text(row.written) }}::text,
        '{{ row.path.type }}'::text,
        {{ row.path.required | default(false) }}::boolean,
        {{ 'pii' in row.path }}::boolean,
        {{ text_array(row.path.kinds) }},
        {{ text_array(row.path.except_kinds) }},
        {{ text_array(row.path.generations) }},
        {{ quoted_text(row.violation.path) }}::text,
        {{ quoted_text(row.violation.parent) }}::text,
        {{ quoted_text(row.violation.guard) }}::text,
        {{ quoted_text(row.violation.filter) }}::text,
        '{{ row.contract_hash }}'::text
    ){{ ',' if not loop.last }}
    {% else %}
    select
        null::text,
        null::integer,
        null::integer,
        null::text,
        null::text,
        null::boolean,
        null::boolean,
        null::text[],
        null::text[],
        null::text[],
        null::text,
        null::text,
        null::text,
        null::text,
        null::text
    where false
    {% endfor %}

)

select * from declared
