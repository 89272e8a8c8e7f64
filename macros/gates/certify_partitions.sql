{#
    After `dbt build` or `dbt test`: a model's partitions are certified at their present version when every gate that looks at
    them has passed at that version, in this run or in earlier ones. Verdicts are then kept as the hash of the gates.
#}
{% macro certify_partitions(results) -%}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'test') %}
    -- Estimated by what a history might lack, compiling takes a hundred times as long as running.
    set local jit = off;
    {{ record_verdicts(results) }}

    -- Few of a history's partitions; only of these the planner is to ask what they lack.
    with waiting as materialized (
        select built.model, built.source, built.partition_start, built.version, required.gates_hash
        from ops.built_partitions as built
        inner join ops.model_gates as required on required.model = built.model
        where
            -- `offset 0`: looked up one by one, whatever statistics there are of what was just certified.
            not exists (
                select from ops.certified_partitions as certified
                where
                    certified.model = built.model
                    and certified.source = built.source
                    and certified.partition_start = built.partition_start
                    and certified.version = built.version
                offset 0
            )
            or (built.model, built.source, built.partition_start) in (select model, source, partition_start from ops.verdicts)
    )

    insert into ops.certified_partitions (model, source, partition_start, version, certified_at, gates_hash)
    select model, source, partition_start, version, clock_timestamp(), gates_hash
    from waiting
    where
        not exists (
            select from ops.missing_verdicts as missing
            where
                missing.model = waiting.model
                and missing.source = waiting.source
                and missing.partition_start = waiting.partition_start
            offset 0
        )
    on conflict (model, source, partition_start) do update set
        version = excluded.version,
        certified_at = excluded.certified_at,
        gates_hash = excluded.gates_hash;

    delete from ops.verdicts
    using ops.certified_partitions as certified
    inner join ops.built_partitions as built using (model, source, partition_start, version)
    inner join ops.model_gates as required using (model, gates_hash)
    where
        verdicts.model = certified.model
        and verdicts.source = certified.source
        and verdicts.partition_start = certified.partition_start;

    -- Two statements: what another run commits while the first waits for it, the second sees.
    select from ops.deployed_models where unproven_from is not null order by model for update;
    update ops.deployed_models as deployed set unproven_from = null
    where
        unproven_from is not null
        and not exists (select from ops.missing_verdicts as missing where missing.model = deployed.model);
    {%- endif -%}
{%- endmacro %}
