{#
    After `dbt build` or `dbt test`: what each gate that passed says of the partitions that lacked its verdict, and what a gate
    that failed takes back. A gate that failed passes for the loads that none of its failing rows belongs to, when each
    row says which load it is of. What another run committed since this one began, whenever it was built, is left to that one:
    this run's gates may not have seen it. So it is with tables that a gate reads, and the runs that built these.
#}
{% macro record_verdicts(results) -%}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'test') -%}
    {%- set built = results | selectattr('status', 'equalto', 'success') | map(attribute='node.unique_id') | list -%}
    {%- set gates = results | selectattr('node.resource_type', 'equalto', 'test') | list -%}
    {{ keep_verdicts(gates | selectattr('status', 'in', ['pass', 'warn']) | map(attribute='node') | list, built) }}
    {%- for result in gates if result.status in ('fail', 'error') %}
    {%- set gate = result.node -%}
    {%- set models = held_models(gate) -%}
    {%- if models %}
    {%- set failed = failed_partitions(result) -%}
    {{ keep_verdicts([gate], built, 'not (' ~ failed ~ ')') }}
    delete from ops.verdicts as missing
    where gate = '{{ gate.name }}' and model = any({{ text_array(models) }}) and ({{ failed }});
    {#- In a build the gate looked at what is not certified only. #}
    {%- if result.status == 'fail' and (failed != 'true' or flags.WHICH == 'test') %}
    insert into ops.verdicts (gate, model, source, partition_start, version)
    select passed.gate, missing.model, missing.source, missing.partition_start, missing.version
    from ops.certified_partitions as missing
    left join ops.model_gates as required on required.model = missing.model
    left join ops.gate_sets as sets on sets.gates_hash = coalesce(missing.gates_hash, required.gates_hash)
    cross join lateral unnest(sets.gates) as passed (gate)
    where
        missing.model = any({{ text_array(models) }})
        and ({{ failed }})
        and passed.gate <> '{{ gate.name }}'
    on conflict (model, source, partition_start, gate) do update set version = excluded.version, ran_at = excluded.ran_at;
    delete from ops.certified_partitions as missing
    where model = any({{ text_array(models) }}) and ({{ failed }});
    {%- endif %}
    {%- endif %}
    {%- endfor %}
    {%- endif -%}
{%- endmacro %}

{# Verdicts of gates that passed, in one statement: a project has many gates, and planning it costs more than running it.
   Args: nodes of the gates; ids of the nodes that this run built; for which rows of `missing`. #}
{% macro keep_verdicts(gates, built, passed='true') -%}
    {%- set judged = [] -%}
    {%- for gate in gates if held_models(gate) -%}
        {%- do judged.append(
            "('" ~ gate.name ~ "', " ~ text_array(held_models(gate)) ~ ', ' ~ text_array(tables_of(gate, built)) ~ ')'
        ) -%}
    {%- endfor -%}
    {%- if judged %}
    with missing as materialized (
        select * from ops.missing_verdicts
    )

    insert into ops.verdicts (gate, model, source, partition_start, version)
    select missing.gate, missing.model, missing.source, missing.partition_start, missing.version
    from (
        values
        {{ judged | join(',\n        ') }}
    ) as judged (gate, models, stood_still)
    inner join missing on missing.gate = judged.gate and missing.model = any(judged.models)
    inner join ops.built_partitions as built using (model, source, partition_start)
    where
        (
            missing.version = '{{ invocation_id }}'
            or exists (
                select from ops.dbt_runs as run
                where
                    run.run_id = '{{ invocation_id }}'
                    and pg_visible_in_snapshot({{ whole_xid('built.xmin') }}, run.saw)
            )
        )
        and not exists (
            select from unnest(judged.stood_still) as named (model)
            left join ops.deployed_models as deployed using (model)
            where (missing.built_at < deployed.built_at) is not true
        )
        -- Dated before the table, it may have been committed after this had read.
        and not exists (
            select from unnest(judged.stood_still) as named (model)
            cross join lateral (
                select model_runs.run_id from ops.model_runs
                where model_runs.model = named.model
                order by model_runs.ran_at desc
                limit 1
            ) as newest
            inner join ops.dbt_runs as run on run.run_id = newest.run_id
            where
                missing.version <> run.run_id
                and not pg_visible_in_snapshot({{ whole_xid('built.xmin') }}, run.saw)
        )
        and {{ passed }}
    on conflict (model, source, partition_start, gate) do update set version = excluded.version, ran_at = excluded.ran_at;
    {%- endif -%}
{%- endmacro %}

{# A transaction's number with its epoch, which the rows that it wrote do not keep: the newest such number that there may be. #}
{% macro whole_xid(xid) -%}
    {%- set newest = '(pg_snapshot_xmax(pg_current_snapshot())::text::bigint + 2147483647)' -%}
    ({{ newest }} - (({{ newest }} - {{ xid }}::text::bigint) & 4294967295))::text::xid8
{%- endmacro %}

{# What keeps rows, without partitions of its own, of what a gate reads, also by way of views, and was not built by this run: what it
   holds may be older. #}
{% macro tables_of(gate, built) -%}
    {% set names = [] %}
    {% set reached = gate.depends_on.nodes | list %}
    {#- The list grows while it is gone through; see held_models(). -#}
    {% for node_id in reached %}
        {% set node = graph.nodes.get(node_id) or {} %}
        {% if node.resource_type in ('model', 'snapshot') and not is_partitioned(node) and sources_of(node_id) %}
            {% do reached.extend(node.depends_on.nodes | reject('in', reached)) %}
            {% if node_id not in built and node.config.materialized not in ('view', 'ephemeral') %}
                {% do names.append(node.alias or node.name) %}
            {% endif %}
        {% endif %}
    {% endfor %}
    {{ return(names | unique | list) }}
{%- endmacro %}

{#
    A condition on `missing`, a relation with model, source and partition_start: whether the gate's failing rows belong to a partition,
    as far as they say it; true for all where one of them does not say or not all are kept.
#}
{% macro failed_partitions(result) -%}
    {%- if result.status == 'error' or not result.node.relation_name or result.node.config.limit -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set gate = result.node -%}
    {%- set columns = get_columns_in_query('select * from ' ~ gate.relation_name) -%}
    {%- if 'load_id' not in columns and 'partition_start' not in columns -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set waived = waived_loads(gate) -%}
    {%- set counted = is_not_waived('failed', columns, waived) if waived else 'true' -%}
    {%- set sources = gated_sources(gate) -%}
    {%- set statement %}
        select distinct
            loads.contract_source,
            {{ iso_text('loads.partition_start') }} as partition_start
        from {{ gate.relation_name }} as failed
        left join ops.loads as loads
            on loads.status = 'landed'
            and loads.contract_source in ('{{ sources | join("', '") }}')
            and {{ place_of_row('failed', 'loads', columns) }}
        where {{ counted }}
    {%- endset -%}
    {%- set found = run_query(statement).rows -%}
    {%- if not found or found | selectattr('partition_start', 'none') | list -%}
        {{ return('true') }}
    {%- endif -%}
    {%- set places = [] -%}
    {%- for row in found -%}
        {%- do places.append("('" ~ row.contract_source ~ "', timestamptz '" ~ row.partition_start ~ "')") -%}
    {%- endfor -%}
    {{ return(
        'exists (select from (values ' ~ places | join(', ') ~ ') as failed (source, partition_start)'
        ~ ' where failed.source = missing.source and failed.partition_start = missing.partition_start)'
    ) }}
{%- endmacro %}
