"""What feature views were built from, and what of it lacks the verdict of a gate: SQL over the ledger.

Which gates concern a load follows from its source: all that look at a model which rests on that source,
wherever the model stands. What is not built by partitions, a view or a table, is seen through what it reads.
"""

from __future__ import annotations

from headgate.store import chain

CHAIN = (
    chain.CHAIN
    + """,

    -- Discarded loads too, with negative numbers: their partitions are built, and hold nothing, whether
    -- retention removed their records or not.
    landed as (
        select contract_source as source, partition_start, load_id, expired_at from ops.current_loads
    ),

    -- What a model reads besides is known from the project.
    resting as materialized (
        select view, source from built_from
        union
        select model, source from ops.model_sources where model = any($1)
    )
"""
)

#: The sources that views rest on; whether something landed of each, and whether the view was ever built.
SOURCES = (
    CHAIN
    + """
    select
        views.view,
        resting.source,
        exists (select from landed where landed.source = resting.source) as has_loads,
        exists (select from ops.built_partitions as built where built.model = views.view) as is_built
    from unnest($1::text[]) as views (view)
    left join resting using (view)
    order by 1, 2
"""
)

NOT_BUILT = (
    CHAIN
    + """
    select built_from.view, built_from.view as model, landed.partition_start
    from built_from
    inner join landed using (source)
    left join ops.built_partitions as built
        on
            built.model = built_from.view
            and built.source = landed.source
            and built.partition_start = landed.partition_start
    where built.model is null and landed.load_id > 0 and landed.expired_at is null
    union
    select missing.view, missing.view, null
    from unnest($1::text[]) as missing (view)
    where not exists (select from ops.built_partitions as built where built.model = missing.view)
    order by 3, 1
"""
)

#: Views whose model the project had when dbt ran last before, and has no more.
GONE = """
    select view from unnest($1::text[]) as view
    where exists (select from ops.model_sources) and view not in (select model from ops.model_sources)
    order by 1
"""

OUTDATED = (
    CHAIN
    + """
    select distinct chain.view, built.model, built.partition_start
    from chain
    inner join ops.built_partitions as built using (model)
    cross join lateral string_to_table(built.upstream_version, '/') as part
    left join ops.built_partitions as upstream
        on
            upstream.model = split_part(part, ':', 1)
            and upstream.source = built.source
            and upstream.partition_start = built.partition_start
    left join landed
        on
            landed.load_id::text = part
            and landed.source = built.source
            and landed.partition_start = built.partition_start
    where
        case
            when part like '%:%' then split_part(part, ':', 2) is distinct from upstream.version
            else landed.load_id is null
        end
        and (built.source, built.partition_start) not in (
            select source, partition_start from landed where expired_at is not null
        )
    order by 3, 2
"""
)

#: Gates that no verdict lets pass for a partition, and when that was first built, by whatever model: what was
#: made before knows nothing of it. Gate is null where no run has said which gates there are.
UNPROVEN = (
    CHAIN
    + """,

    unproven as materialized (
        select missing.gate, missing.model, missing.source, missing.partition_start
        from ops.missing_verdicts as missing
        left join ops.gate_waivers as waived
            on waived.gate = missing.gate and waived.load_id = missing.load_id
        where waived.gate is null
        union all
        select null, built.model, built.source, built.partition_start
        from ops.built_partitions as built
        left join ops.model_gates as known on known.model = built.model
        left join ops.certified_partitions as certified
            on
                certified.model = built.model
                and certified.source = built.source
                and certified.partition_start = built.partition_start
        where known.model is null and certified.version is distinct from built.version
    ),

    -- Models that stand beside what was built of a load, and that a run left out.
    behind as (
        select needed.gate, passed.model, landed.source, landed.partition_start
        from landed
        inner join ops.model_sources as passed using (source)
        inner join ops.model_gates as known on known.model = passed.model
        cross join lateral unnest(known.gates) as needed (gate)
        left join ops.built_partitions as built
            on
                built.model = passed.model
                and built.source = landed.source
                and built.partition_start = landed.partition_start
        where
            built.model is null
            and landed.load_id > 0
            and landed.expired_at is null
            and landed.load_id not in (select load_id from ops.released_loads)
            and (
                passed.model in (select model from ops.model_sources group by model having count(*) = 1)
                or exists (
                    select from ops.built_partitions as before
                    where before.model = passed.model and before.source = landed.source
                )
            )
    ),

    found as (
        select resting.view, unproven.*
        from unproven
        inner join resting using (source)
        inner join landed using (source, partition_start)
        union
        select chain.view, unproven.*
        from unproven
        inner join chain using (model)
        union
        select resting.view, behind.*
        from behind
        inner join resting using (source)
    ),

    earliest as (
        select source, partition_start, min(built_at) as built_at
        from ops.built_partitions
        where (source, partition_start) in (select source, partition_start from found)
        group by source, partition_start
    )

    select found.view, found.gate, found.model, found.partition_start, earliest.built_at
    from found
    inner join earliest using (source, partition_start)
    order by found.partition_start, found.model, found.gate
"""
)

#: The newest results of gates that lack a verdict, where they failed.
FAILED_GATES = """
    select gate, model, failures from (
        select distinct on (gate) * from ops.gate_results
        where gate = any($1) or model = any($2)
        order by gate, ran_at desc
    ) as newest
    where status in ('fail', 'error')
    order by gate
"""

#: $1: `schema.name`, quoted where needed; $2: its name. The models that a relation shows rows of, itself
#: included, and since when it holds them, where it keeps them; of a view that somebody wrote by hand, those
#: that it reads. One over a landing table passes no model: one that rests on the source alone stands for all.
SHOWN = """
    with recursive reached as (
        select to_regclass($1)::oid as relation
        union
        select depends.refobjid
        from reached
        inner join pg_rewrite as rule on rule.ev_class = reached.relation
        inner join pg_depend as depends
            on depends.classid = 'pg_rewrite'::regclass and depends.objid = rule.oid
        where depends.refclassid = 'pg_class'::regclass
    ),

    names as (
        select relname::text as name, relnamespace::regnamespace::text as schema
        from reached
        inner join pg_class on pg_class.oid = reached.relation
    ),

    shown as (
        select $2::text as model
        union
        select names.name from names inner join ops.model_sources on model_sources.model = names.name
        union
        select min(alone.model)
        from names
        inner join ops.loads on names.schema = 'staging_' || loads.source
        inner join (
            select model, min(source) as source from ops.model_sources group by model having count(*) = 1
        ) as alone on alone.source = loads.contract_source
        group by loads.contract_source
    )

    select shown.model, deployed.built_at, coalesce(deployed.materialized <> 'incremental', false) as is_whole
    from shown
    left join ops.deployed_models as deployed
        on deployed.model = shown.model and deployed.materialized <> 'view'
    order by shown.model
"""

#: $1: name of a model, $2: when it was built, as a whole. Loads that landed before and have been replaced or
#: discarded since.
TAKEN_BACK = """
    select earlier.load_id, earlier.status
    from ops.model_sources as resting
    inner join ops.loads as earlier on earlier.contract_source = resting.source
    where
        resting.model = $1
        and earlier.finished_at <= $2
        and case earlier.status
            when 'replaced' then exists (
                select from ops.loads as later
                where
                    (later.source, later.entity, later.partition_start)
                    = (earlier.source, earlier.entity, earlier.partition_start)
                    and later.load_id > earlier.load_id
                    and later.finished_at > $2
                    and later.status in ('landed', 'replaced', 'discarded')
            )
            when 'discarded' then exists (
                select from ops.decisions
                where
                    decisions.load_id = earlier.load_id
                    and decisions.action = 'discard load'
                    and decisions.decided_at > $2
            )
        end
    order by earlier.load_id
    limit 1
"""

#: The same arguments. Partitions of loads that landed before, of models that it reads, also through others,
#: which were built since: by another contract or other SQL, or as somebody decided about their records. What
#: was merely typed late is none of these: nothing of it is held yet.
TYPED_ANEW = """
    with recursive reached as (
        select $1::text as model
        union
        select parent.model
        from reached
        inner join ops.deployed_models as deployed on deployed.model = reached.model
        inner join ops.model_definitions as defined on defined.definition = deployed.definition
        cross join lateral jsonb_object_keys(defined.upstream) as parent (model)
    )

    select built.model, built.load_id
    from reached
    inner join ops.built_partitions as built on built.model = reached.model
    inner join ops.loads on loads.load_id = built.load_id
    left join ops.model_definitions as defined on defined.definition = built.definition
    where
        built.built_at > $2
        and loads.finished_at <= $2
        and loads.status = 'landed'
        and loads.expired_at is null
        and (
            defined.first_built_at > $2
            or exists (
                select from ops.contracts
                where contracts.source = built.source and contracts.first_used_at > $2
            )
            or exists (
                select from ops.decisions
                where
                    decisions.load_id = built.load_id
                    and decisions.line_numbers is not null
                    and decisions.decided_at > $2
            )
        )
    order by built.load_id
    limit 1
"""
