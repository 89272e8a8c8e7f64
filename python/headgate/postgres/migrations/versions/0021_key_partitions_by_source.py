"""A partition is one of a source: what is built, certified and judged is known by source and start."""

from alembic import op

revision = "0021"
down_revision = "0020"
TABLES: tuple[str, ...] = ()

#: The state of partitions, and what comes after the partition in its key.
STATE = {"built_partitions": "", "certified_partitions": "", "verdicts": ", gate"}

#: The source whose load a partition was built from; of what rests on one source only, that one.
SOURCES = """
    update ops.built_partitions as built set source = coalesce(
        (select loads.contract_source from ops.loads where loads.load_id = abs(built.load_id)),
        (
            select min(loads.contract_source) from ops.loads
            where
                loads.partition_start = built.partition_start
                and (
                    loads.contract_source in (
                        select rests.source from ops.model_sources as rests where rests.model = built.model
                    )
                    or not exists (select from ops.model_sources as rests where rests.model = built.model)
                )
            having count(distinct loads.contract_source) = 1
        )
    );
    -- Nothing says what these are of: they are built again.
    delete from ops.built_partitions where source is null;
"""
#: The state of a partition follows what was built of it.
FOLLOW = """
    update ops.{table} as known set source = built.source
    from ops.built_partitions as built
    where built.model = known.model and built.partition_start = known.partition_start;
    delete from ops.{table} where source is null;
"""
WITHOUT = """
    delete from ops.{table} as doubled using ops.{table} as other
    where
        other.model = doubled.model and other.partition_start = doubled.partition_start
        and other.source <> doubled.source;
    alter table ops.{table} drop column source;
    alter table ops.{table} add primary key (model, partition_start{rest});
"""
MISSING = """
    create view ops.missing_verdicts as
        select
            needed.gate, built.model, {source}
            built.partition_start, built.version, built.load_id, built.built_at
        from ops.model_gates as required
        inner join ops.built_partitions as built on built.model = required.model
        left join ops.certified_partitions as certified
            on certified.model = built.model
            {certified}
            and certified.partition_start = built.partition_start
            and certified.version = built.version
        cross join lateral unnest(required.gates) as needed (gate)
        where
            (
                certified.model is null
                or (
                    certified.gates_hash <> required.gates_hash
                    and not exists (
                        select from ops.gate_sets as sets
                        where sets.gates_hash = certified.gates_hash and needed.gate = any(sets.gates)
                    )
                    and (built.load_id in (select load_id from ops.released_loads)) is not true
                )
            )
            and not exists (
                select from ops.verdicts as verdicts
                where
                    verdicts.model = built.model
                    {verdicts}
                    and verdicts.partition_start = built.partition_start
                    and verdicts.gate = needed.gate
                    and verdicts.version = built.version
            );
    comment on view ops.missing_verdicts is
        'Gates that have not passed for the present version of a partition. What was released before a'
        ' gate came is not asked for it.';
"""


def upgrade() -> None:
    """Adds the source to the key; what was built, certified and judged stays."""
    op.execute("drop view ops.missing_verdicts")
    for table, rest in STATE.items():
        op.execute(f"alter table ops.{table} add column source text")
        op.execute(SOURCES if table == "built_partitions" else FOLLOW.format(table=table))
        op.execute(f"""
            alter table ops.{table} drop constraint {table}_pkey;
            alter table ops.{table} alter column source set not null;
            alter table ops.{table} add primary key (model, source, partition_start{rest});
            comment on column ops.{table}.source is
                'The source whose contract the records of the partition are held to.';
        """)
    op.execute(
        MISSING.format(
            source="built.source,",
            certified="and certified.source = built.source",
            verdicts="and verdicts.source = built.source",
        )
    )


def downgrade() -> None:
    """Takes it out; of a model's partitions that begin at one instant all are built again."""
    op.execute("drop view ops.missing_verdicts")
    for table, rest in STATE.items():
        op.execute(WITHOUT.format(table=table, rest=rest))
    op.execute(MISSING.format(source="", certified="", verdicts=""))
