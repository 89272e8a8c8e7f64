"""Where rows of a feature view begin that were changed since all had passed their gates."""

from alembic import op

revision = "0033"
down_revision = "0032"


#: As before, but partitions are compared before their gates are gone through: there are many more of these.
MISSING = """
    create or replace view ops.missing_verdicts as
        select
            needed.gate, built.model, built.source,
            built.partition_start, built.version, built.load_id, built.built_at
        from ops.model_gates as required
        inner join ops.built_partitions as built on built.model = required.model
        left join ops.certified_partitions as certified
            on certified.model = built.model
            and certified.source = built.source
            and certified.partition_start = built.partition_start
            and certified.version = built.version
        cross join lateral unnest(
            case
                when certified.model is null or certified.gates_hash <> required.gates_hash
                    then required.gates
            end
        ) as needed (gate)
        where
            (
                certified.model is null
                or (
                    not exists (
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
                    and verdicts.source = built.source
                    and verdicts.partition_start = built.partition_start
                    and verdicts.gate = needed.gate
                    and verdicts.version = built.version
            )
"""


def upgrade() -> None:
    """Deployed models note it; of what lacks a verdict now, all rows are looked at once more."""
    op.execute(MISSING)
    op.execute("""
        alter table ops.deployed_models add column unproven_from timestamptz;
        comment on column ops.deployed_models.unproven_from is
            'The first as_of of a feature view that changed since all its partitions had passed.';
        update ops.deployed_models set unproven_from = '-infinity'
        where model in (select model from ops.missing_verdicts);
    """)


def downgrade() -> None:
    """Forgets it; the view says the same as it did."""
    op.execute("alter table ops.deployed_models drop column unproven_from")
