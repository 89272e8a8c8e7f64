{# After a run: keeps what every gate said, and the rows that failed it (at most a thousand a gate), so that their
   history survives the next run. #}
{% macro record_gate_results(results) -%}
    {%- set gates = [] if is_dry_run() else results | selectattr('node.resource_type', 'equalto', 'test') | list -%}
    {%- for result in gates %}
    {%- if loop.first %}
    insert into ops.gate_results (run_id, gate, model, status, failures, failures_relation, reason, ran_at, waived_loads)
    values
    {%- endif %}
    (
        '{{ invocation_id }}',
        '{{ result.node.name }}',
        '{{ gated_model(result.node) }}',
        '{{ result.status }}',
        {{ result.failures if result.failures is not none else 'null' }},
        {{ "'" ~ result.node.relation_name | replace('"', '') ~ "'" if result.node.relation_name else 'null' }},
        {{ quoted_text(result.message | trim | truncate(2000, true)) if result.status == 'error' and result.message else 'null' }},
        clock_timestamp(),
        array(
            select waivers.load_id
            from ops.gate_waivers as waivers
            inner join ops.loads as loads on waivers.load_id = loads.load_id and loads.status = 'landed'
            where waivers.gate = '{{ result.node.name }}'
            order by 1
        )
    ){{ ',' if not loop.last else ';' }}
    {%- endfor %}
    {%- for result in gates if result.failures and result.node.relation_name and result.status in ('fail', 'warn') %}
    insert into ops.gate_failures (run_id, gate, row_number, failed_row)
    select '{{ invocation_id }}', '{{ result.node.name }}', row_number() over (), to_jsonb(failed)
    from (select * from {{ result.node.relation_name }} limit 1000) as failed;
    {%- endfor %}
{%- endmacro %}

{# The model that a gate is about: the one it is attached to, else, of those it reads, one of the last layer. #}
{% macro gated_model(gate) -%}
    {% set layers = {'staging': 1, 'intermediate': 2, 'features': 3, 'training': 4, 'monitoring': 5} %}
    {% set last = namespace(name='none', layer=-1) %}
    {% for node_id in ([gate.attached_node] if gate.attached_node else gate.depends_on.nodes) %}
        {% set node = graph.nodes.get(node_id) or {'fqn': ['', ''], 'alias': node_id.split('.')[-1]} %}
        {% set layer = layers.get(node.fqn[1], 0) %}
        {% if layer > last.layer %}
            {% set last.name = node.alias %}
            {% set last.layer = layer %}
        {% endif %}
    {% endfor %}
    {{ return(last.name) }}
{%- endmacro %}
