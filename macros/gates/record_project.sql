{#
    on-run-start: which sources each model built by partitions rests on, and which gates look at what it holds, as the project
    is now. Publishing asks by them, so that what has to be proven does not depend on what stands upstream of a feature view.
#}
{% macro record_project() -%}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'run', 'test') -%}
    {%- set gates = gates_by_model() -%}
    {%- set rests = sources_by_model() -%}
    {%- set tests = graph.nodes.values() | selectattr('resource_type', 'equalto', 'test') | map(attribute='name') | list %}
    delete from ops.gates where gate <> all(coalesce({{ text_array(tests) }}, '{}'));
    insert into ops.gates (gate) select unnest({{ text_array(tests) }}) on conflict do nothing;

    create temporary table told on commit drop as
    select model, source
    from (
        values ('', '')
        {%- for name, sources in rests.items() %}{% for source_name in sources %}
        , ('{{ name }}', '{{ source_name }}')
        {%- endfor %}{% endfor %}
    ) as rows (model, source)
    where model <> '';
    delete from ops.model_sources where (model, source) not in (select model, source from told);
    insert into ops.model_sources (model, source) select model, source from told order by 1, 2 on conflict do nothing;

    create temporary table judged on commit drop as
    select model, gates, md5(array_to_string(gates, '/')) as gates_hash
    from (
        values ('', '{}'::text[])
        {%- for name, names in gates.items() %}
        , ('{{ name }}', coalesce({{ text_array(names | unique | sort | list) }}, '{}'))
        {%- endfor %}
    ) as rows (model, gates)
    where model <> '';
    delete from ops.model_gates where model not in (select model from judged);
    delete from ops.verdicts where model not in (select model from judged);
    insert into ops.model_gates (model, gates, gates_hash) select model, gates, gates_hash from judged order by 1
    on conflict (model) do update set gates = excluded.gates, gates_hash = excluded.gates_hash
    where model_gates.gates_hash <> excluded.gates_hash;
    insert into ops.gate_sets (gates_hash, gates) select distinct gates_hash, gates from ops.model_gates
    on conflict do nothing;
    {%- endif -%}
{%- endmacro %}

{# The models built by partitions, by the names of their relations, and the names of the gates that look at them. #}
{% macro gates_by_model() -%}
    {% set found = {} %}
    {% for node in graph.nodes.values() if is_partitioned(node) %}
        {% do found.update({node.alias: []}) %}
    {% endfor %}
    {% for gate in graph.nodes.values() if gate.resource_type == 'test' %}
        {% for name in held_models(gate) %}
            {% do found[name].append(gate.name) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{%- endmacro %}

{# All models, by the names of their relations, and the sources with a contract that they rest on. #}
{% macro sources_by_model() -%}
    {% set found = {} %}
    {% for node in graph.nodes.values() if node.resource_type == 'model' %}
        {% do found.update({node.alias: sources_of(node.unique_id)}) %}
    {% endfor %}
    {{ return(found) }}
{%- endmacro %}

{# Whether a node is a model whose partitions the ledger knows. #}
{% macro is_partitioned(node) -%}
    {{ return(
        node.resource_type == 'model'
        and node.config.materialized == 'incremental'
        and node.config.incremental_strategy in partition_strategies()
    ) }}
{%- endmacro %}

{#
    The models built by partitions whose rows a gate looks at, by the names of their relations: those that it reads, those that
    views and tables which it reads are made from, and of a landing table those that read it.
#}
{% macro held_models(gate) -%}
    {#- Asked when a run begins, by each gate, and when it ends. -#}
    {% set known = graph.setdefault('headgate held models ' ~ invocation_id, {}) %}
    {% if gate.unique_id in known %}
        {{ return(known[gate.unique_id]) }}
    {% endif %}
    {% set names = [] %}
    {% set reached = gate.depends_on.nodes | list %}
    {#- The list grows while it is gone through: there is no other loop without a known end. -#}
    {% for node_id in reached %}
        {% set node = graph.nodes.get(node_id) %}
        {% if node and is_partitioned(node) %}
            {% do names.append(node.alias) %}
        {% elif node %}
            {% do reached.extend(node.depends_on.nodes | reject('in', reached)) %}
        {% elif gate.depends_on.nodes | length == 1 and node_id in gate.depends_on.nodes %}
            {% for reader in graph.nodes.values() if node_id in reader.depends_on.nodes and is_partitioned(reader) %}
                {% do names.append(reader.alias) %}
            {% endfor %}
        {% endif %}
    {% endfor %}
    {% do known.update({gate.unique_id: names | unique | sort}) %}
    {{ return(known[gate.unique_id]) }}
{%- endmacro %}

{# Names of the sources with a contract that a node rests on, however many models lie between. #}
{% macro sources_of(node_id) -%}
    {% set contracts = [] %}
    {% for source in (graph.sources or {}).values() if source.config.meta.contract %}
        {% do contracts.append(source.source_name) %}
    {% endfor %}
    {% set names = [] %}
    {% for name in gated_sources(graph.nodes[node_id]) if name in contracts %}
        {% do names.append(name) %}
    {% endfor %}
    {{ return(names | sort) }}
{%- endmacro %}
