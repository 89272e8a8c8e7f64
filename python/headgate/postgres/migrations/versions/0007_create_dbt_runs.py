"""When runs of dbt began, by the server's clock."""

from alembic import op

revision = "0007"
down_revision = "0006"
TABLES = ("ops.dbt_runs",)


def upgrade() -> None:
    """Creates the table that tells a run what was built after it began, by another."""
    op.execute("""
        create table ops.dbt_runs (
            run_id text primary key,
            command text not null,
            began_at timestamptz not null default clock_timestamp()
        );
        comment on table ops.dbt_runs is 'Every run of dbt, and when it began.';
    """)


def downgrade() -> None:
    """Drops the table."""
    op.execute("drop table ops.dbt_runs")
