"""Which gates look at what, and which of them passed for which partition: by load, whatever is published."""

from alembic import op

revision = "0019"
down_revision = "0018"
TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    """Adds the project's gates and sources as dbt saw them, verdicts, and what still lacks one."""
    op.execute("""
        create table ops.model_sources (
            model text not null,
            source text not null,
            primary key (model, source)
        );
        comment on table ops.model_sources is
            'The sources with a contract that each model rests on, as dbt saw the project last.';

        create table ops.gates (
            gate text primary key
        );
        comment on table ops.gates is 'The gates of the project, as dbt saw it last.';

        create table ops.model_gates (
            model text primary key,
            gates text[] not null,
            gates_hash text not null
        );
        comment on table ops.model_gates is
            'The gates that look at what each model built by partitions holds, as dbt saw it last.';

        create table ops.gate_sets (
            gates_hash text primary key,
            gates text[] not null
        );
        comment on table ops.gate_sets is 'The gates that stand behind certified partitions, by hash.';

        create table ops.verdicts (
            gate text not null,
            model text not null,
            partition_start timestamptz not null,
            version text not null,
            ran_at timestamptz not null default clock_timestamp(),
            primary key (model, partition_start, gate)
        );
        comment on table ops.verdicts is
            'Gates that passed for a version of a partition which is not certified yet: others have to pass.';

        alter table ops.certified_partitions add column gates_hash text;
        comment on column ops.certified_partitions.gates_hash is
            'The gates that it passed; null where it was certified before they were kept.';

        create view ops.released_loads as
            select load_id
            from (
                select unnest(loads_added) as load_id, 1 as change from ops.releases
                union all
                select unnest(loads_removed), -1 from ops.releases
            ) as changes
            group by load_id
            having sum(change) > 0;
        comment on view ops.released_loads is 'The loads that the newest release holds.';

        create view ops.missing_verdicts as
            select
                needed.gate, built.model, built.partition_start, built.version, built.load_id, built.built_at
            from ops.model_gates as required
            inner join ops.built_partitions as built on built.model = required.model
            left join ops.certified_partitions as certified
                on certified.model = built.model
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
                        and verdicts.partition_start = built.partition_start
                        and verdicts.gate = needed.gate
                        and verdicts.version = built.version
                );
        comment on view ops.missing_verdicts is
            'Gates that have not passed for the present version of a partition. What was released before a'
            ' gate came is not asked for it.';
    """)


def downgrade() -> None:
    """Drops them; what lacks a verdict is looked at by every gate again."""
    op.execute("""
        drop view ops.missing_verdicts, ops.released_loads;
        alter table ops.certified_partitions drop column gates_hash;
        drop table ops.verdicts, ops.gate_sets, ops.model_gates, ops.gates, ops.model_sources;
    """)
