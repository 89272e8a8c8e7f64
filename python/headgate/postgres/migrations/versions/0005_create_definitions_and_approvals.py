"""What the built models were built from, what sources were seen to hold, and which plans were approved."""

from alembic import op

revision = "0005"
down_revision = "0004"
TABLES = ("ops.model_definitions", "ops.approvals", "ops.observed_paths")


def upgrade() -> None:
    """Creates the deployed side of every plan."""
    op.execute("""
        create table ops.model_definitions (
            definition text primary key,
            model text not null,
            version integer,
            sql text not null,
            upstream text[] not null,
            first_built_at timestamptz not null default clock_timestamp()
        );
        comment on table ops.model_definitions is
            'Every definition that a model was built from: its compiled SQL without what differs from run to run.';
        alter table ops.built_partitions add column definition text;

        create table ops.approvals (
            plan_hash text primary key,
            approved_at timestamptz not null default clock_timestamp(),
            approved_by text not null,
            plan jsonb not null,
            applied_release integer references ops.releases
        );
        comment on table ops.approvals is 'Plans with breaking changes that somebody allowed, by their hash.';

        create table ops.observed_paths (
            load_id bigint not null references ops.loads,
            record_type text not null,
            path text not null,
            json_type text not null,
            records bigint not null,
            records_sampled bigint not null,
            primary key (load_id, record_type, path, json_type)
        );
        comment on table ops.observed_paths is 'What a sample of each load holds: path, JSON type, how many of the sampled records.';
    """)


def downgrade() -> None:
    """Drops the deployed side of every plan."""
    op.execute("""
        drop table ops.observed_paths, ops.approvals, ops.model_definitions;
        alter table ops.built_partitions drop column definition
    """)
