"""What dbt has built and what its gates said."""

from alembic import op

revision = "0003"
down_revision = "0002"
TABLES = ("ops.built_partitions", "ops.gate_results", "ops.gate_failures", "ops.certified_partitions")


def upgrade() -> None:
    """Creates the state of incremental models and the history of gates."""
    op.execute("""
        create table ops.built_partitions (
            model text not null,
            partition_start timestamptz not null,
            upstream_version text not null,
            version text not null,
            built_at timestamptz not null default clock_timestamp(),
            primary key (model, partition_start)
        );
        comment on table ops.built_partitions is
            'Which version of its upstream partition each incremental model has built.';

        create table ops.gate_results (
            run_id text not null,
            gate text not null,
            model text,
            status text not null,
            failures bigint,
            failures_relation text,
            ran_at timestamptz not null default clock_timestamp(),
            primary key (run_id, gate)
        );
        comment on table ops.gate_results is 'What every gate said in every run.';

        create table ops.gate_failures (
            run_id text not null,
            gate text not null,
            row_number integer not null,
            failed_row jsonb not null,
            primary key (run_id, gate, row_number)
        );
        comment on table ops.gate_failures is 'The first failing rows of every gate that failed.';

        create table ops.certified_partitions (
            model text not null,
            partition_start timestamptz not null,
            version text not null,
            certified_at timestamptz not null default clock_timestamp(),
            primary key (model, partition_start)
        );
        comment on table ops.certified_partitions is 'Which version of a partition passed every gate.';
    """)


def downgrade() -> None:
    """Drops the state of incremental models and the history of gates."""
    op.execute("""
        drop table ops.certified_partitions, ops.gate_failures, ops.gate_results, ops.built_partitions
    """)
