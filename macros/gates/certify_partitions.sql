{#
    After `dbt build` or `dbt test`: a model's partitions are certified at their present version when every gate that looks at
    them has passed at that version, in this run or in earlier ones. Verdicts are then kept as the hash of the gates.
#}
{% macro certify_partitions(results) -%}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'test') %}
    {{ record_verdicts(results) }}

    insert into ops.certified_partitions (model, source, partition_start, version, certified_at, gates_hash)
    select built.model, built.source, built.partition_start, built.version, clock_timestamp(), required.gates_hash
    from ops.built_partitions as built
    inner join ops.model_gates as required on required.model = built.model
    left join ops.certified_partitions as certified
        on
            certified.model = built.model
            and certified.source = built.source
            and certified.partition_start = built.partition_start
    where
        (
            certified.version is distinct from built.version
            or exists (
                select from ops.verdicts
                where
                    verdicts.model = built.model
                    and verdicts.source = built.source
                    and verdicts.partition_start = built.partition_start
            )
        )
        and not exists (
            select from ops.missing_verdicts as missing
            where
                missing.model = built.model
                and missing.source = built.source
                and missing.partition_start = built.partition_start
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
