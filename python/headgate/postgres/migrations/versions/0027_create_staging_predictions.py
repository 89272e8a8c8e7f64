"""The landing table of the log of served models, which every project has."""

from alembic import op

revision = "0027"
down_revision = "0026"
TABLES = ("staging_predictions.answers",)
SCHEMAS = "select 'staging_predictions'"


def upgrade() -> None:
    """Creates the table as landing does, where `headgate up` has not done so already."""
    op.execute("""
        create schema if not exists staging_predictions;
        create table if not exists staging_predictions.answers (
            load_id bigint not null,
            line_number integer not null,
            record_id text,
            record_type text,
            recorded_at timestamptz,
            record jsonb not null
        ) partition by range (load_id);
        create index if not exists answers_load on staging_predictions.answers (load_id, line_number);
        create table if not exists staging_predictions.answers_delivered (
            delivery uuid primary key, load_id bigint not null
        );
    """)


def downgrade() -> None:
    """Drops the landed log, and what the ledger says of it: answers would be taken for landed."""
    op.execute("""
        drop schema staging_predictions cascade;
        delete from ops.rejects where load_id in (select load_id from ops.loads where source = 'predictions');
        delete from ops.repairs where load_id in (select load_id from ops.loads where source = 'predictions');
        delete from ops.loads where source = 'predictions'
    """)
