{#
    The loads that a gate does not stop for, because somebody said so: `headgate gates waive`. A waiver ends with its load:
    what lands in its place is stopped again.

    Args:
        gate: node of the gate; loads of sources that it is not about have no part in it.

    Returns rows (load_id, contract_source).
#}
{% macro waived_loads(gate) -%}
    {% set statement %}
        select
            loads.load_id,
            loads.contract_source
        from ops.gate_waivers as waivers
        inner join ops.loads as loads on waivers.load_id = loads.load_id
        where waivers.gate = '{{ gate.name }}' and loads.status = 'landed'
        order by loads.load_id
    {% endset %}
    {#- A waiver that is given while a run is on counts from the next one. -#}
    {% set any_waivers = once('waivers', 'select from ops.gate_waivers limit 1') %}
    {% set found = run_query(statement).rows if any_waivers else [] %}
    {% set sources = gated_sources(gate) if found else [] %}
    {% set tied = [] %}
    {% for load in found if load.contract_source in sources %}
        {% do tied.append(load) %}
    {% endfor %}
    {{ return(tied) }}
{%- endmacro %}

{# Names of the sources with a contract that a gate rests on, however many models lie between. #}
{% macro gated_sources(gate) -%}
    {% set names = [] %}
    {% set reached = gate.depends_on.nodes | list %}
    {#- The list grows while it is gone through; see held_models(). -#}
    {% for node_id in reached %}
        {% if node_id in graph.sources %}
            {% do names.append(graph.sources[node_id].source_name) %}
        {% elif node_id in graph.nodes %}
            {% do reached.extend(graph.nodes[node_id].depends_on.nodes | reject('in', reached)) %}
        {% endif %}
    {% endfor %}
    {{ return(names | unique | list) }}
{%- endmacro %}

{#
    Whether a row belongs to a load: a condition by the columns that place it, the surest first. A row of a feature view
    belongs to the load in whose time its as_of lies.

    Args:
        row: name of the row's relation, for instance 'failed'.
        load: name of a relation with load_id, source, contract_source, partition_start and partition_end.
        columns: names of the columns that the row has.
#}
{% macro place_of_row(row, load, columns) -%}
    {%- if 'load_id' in columns -%}
    {{ row }}.load_id = {{ load }}.load_id
    {%- elif 'partition_start' in columns -%}
    {{ row }}.partition_start = {{ load }}.partition_start
    {%- if 'source_name' in columns %} and {{ row }}.source_name in ({{ load }}.source, {{ load }}.contract_source){% endif %}
    {%- elif 'as_of' in columns -%}
    {{ row }}.as_of > {{ load }}.partition_start and {{ row }}.as_of <= {{ load }}.partition_end
    {%- else -%}
    false
    {%- endif -%}
{%- endmacro %}

{# A condition that leaves out what belongs to loads that a gate is waived for.
   Use: where {{ is_not_waived('found', columns, waived_loads(model)) }} #}
{% macro is_not_waived(row, columns, loads) -%}
    not exists (
        select 1 from ops.loads as waived
        where
            waived.load_id in ({{ loads | map(attribute='load_id') | join(', ') }})
            and {{ place_of_row(row, 'waived', columns) }}
    )
{%- endmacro %}
