"""What the built models were built from, how long that took, and which plans were approved."""

from alembic import op

revision = "0005"
down_revision = "0004"
TABLES = (
    "ops.model_definitions",
    "ops.deployed_models",
    "ops.model_runs",
    "ops.contracts",
    "ops.approvals",
)


def upgrade() -> None:
    """Creates the deployed side of every plan."""
    op.execute("""
        create table ops.model_definitions (
            definition text primary key,
            model text not null,
            first_sql text not null,
            next_sql text,
            settings jsonb not null,
            upstream jsonb not null,
            seeds jsonb not null,
            first_built_at timestamptz not null default clock_timestamp(),
            last_built_at timestamptz not null default clock_timestamp()
        );
        comment on table ops.model_definitions is
            'What models were built from: SQL without what differs from run to run, and what they read.';
        comment on column ops.model_definitions.first_sql is 'As it is built from nothing.';
        comment on column ops.model_definitions.next_sql is
            'As partitions are added; null when that is the same.';
        comment on column ops.model_definitions.upstream is
            'The models that it reads, and their definitions at the time.';
        alter table ops.built_partitions add column definition text;

        create table ops.deployed_models (
            model text primary key,
            relation_schema text not null,
            materialized text not null,
            definition text not null references ops.model_definitions,
            built_at timestamptz not null default clock_timestamp()
        );
        comment on table ops.deployed_models is
            'Every model that was ever built, and what it was built from last.';

        create table ops.model_runs (
            run_id text not null,
            model text not null,
            partitions integer not null,
            seconds double precision not null,
            gate_seconds double precision not null,
            ran_at timestamptz not null default clock_timestamp(),
            primary key (run_id, model)
        );
        comment on table ops.model_runs is
            'How long models and their gates took, for the estimates of plans.';

        create table ops.contracts (
            source text not null,
            version integer not null,
            contract jsonb not null,
            first_used_at timestamptz not null default clock_timestamp(),
            primary key (source, version)
        );
        comment on table ops.contracts is 'Every version of a contract that records were typed under.';

        create table ops.approvals (
            plan_hash text primary key,
            approved_at timestamptz not null default clock_timestamp(),
            approved_by text not null,
            plan jsonb not null,
            applied_release integer references ops.releases
        );
        comment on table ops.approvals is 'Plans with breaking changes that somebody allowed, by their hash.';
    """)


def downgrade() -> None:
    """Drops the deployed side of every plan."""
    op.execute("""
        drop table if exists
            ops.approvals, ops.contracts, ops.model_runs, ops.deployed_models, ops.model_definitions;
        alter table ops.built_partitions drop column definition
    """)
