{# Records, in the model's own transaction, which partitions it has built at which upstream version. Refuses, and so
   undoes the build, when a partition was delivered again, discarded or expired meanwhile: its lines are no longer those
   that were typed. #}
{% macro record_built_partitions() -%}
    {%- set partitions = built_by(model.compiled_code) if execute else [] -%}
    {%- if partitions -%}
    {#- The versions of models are named, `model:version`; what is built from the landing table has the load's number. -#}
    {%- set reads_loads = ':' not in partitions[0].upstream_version -%}
    insert into ops.built_partitions (
        model, source, partition_start, upstream_version, version, built_at, definition, load_id
    )
    select
        '{{ this.identifier }}',
        pairs.source,
        start::timestamptz,
        upstream,
        '{{ invocation_id }}',
        clock_timestamp(),
        deployed.definition,
        {% if reads_loads %}upstream::bigint{% else %}upstream_partitions.load_id{% endif %}

    from (
        values
    {%- for partition in partitions %}
        ('{{ partition.contract_source }}', '{{ partition.partition_start }}', '{{ partition.upstream_version }}')
        {{- ',' if not loop.last }}
        {%- endfor %}
    ) as pairs (source, start, upstream)
    left join ops.deployed_models as deployed on deployed.model = '{{ this.identifier }}'
    {%- if not reads_loads %}
    left join ops.built_partitions as upstream_partitions
        on upstream_partitions.model = split_part(upstream, ':', 1)
        and upstream_partitions.source = pairs.source
        and upstream_partitions.partition_start = start::timestamptz
    {%- endif %}
    on conflict (model, source, partition_start) do update set
        upstream_version = excluded.upstream_version,
        version = excluded.version,
        built_at = excluded.built_at,
        definition = excluded.definition,
        load_id = excluded.load_id;
    {%- for source_name in landing_sources() %}
    {{ record_contract(source_name) }}

    do $check$
    begin
        if exists (
            select 1
            from ops.built_partitions as typed
            inner join ops.current_loads as loads
                on
                    loads.partition_start = typed.partition_start
                    and loads.contract_source = typed.source
            where
                typed.model = '{{ this.identifier if reads_loads else 'stg_' ~ source_name ~ '__quarantine' }}'
                and typed.source = '{{ source_name }}'
                -- Nor did retention remove its records meanwhile, of which nothing was read then.
                and (typed.upstream_version <> loads.load_id::text or loads.expired_at is not null)
                and {{ in_partitions(partitions, 'typed.partition_start') }}
        ) then
            raise exception 'model {{ this.identifier }}: a partition was delivered again, discarded or expired while it was built. Next: run again';
        end if;
    end
    $check$
    {%- endfor %}
    {%- endif -%}
{%- endmacro %}

{# Names of the sources whose landing tables the current model reads; of those that share a contract, the one that
   declares it. #}
{% macro landing_sources() -%}
    {% set names = [] %}
    {% for node in model.depends_on.nodes if node in (graph.sources or {}) and graph.sources[node].config.meta.contract %}
        {% do names.append(graph.sources[node].source_name) %}
    {% endfor %}
    {{ return(names) }}
{%- endmacro %}
