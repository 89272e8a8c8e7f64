"""What the last scheduled build was built from: one that would build the same is left out."""

from alembic import op

revision = "0028"
down_revision = "0027"
TABLES = ("ops.scheduled_builds",)


def upgrade() -> None:
    """Runs of dbt say whether they built everything; scheduled builds, from which files and since when."""
    op.execute("""
        alter table ops.dbt_runs
            add column whole boolean not null default false,
            add column succeeded_at timestamptz;
        comment on column ops.dbt_runs.whole is 'Whether it was to build the whole project, with every gate.';
        comment on column ops.dbt_runs.succeeded_at is 'When it ended without a failed or skipped node.';
        create table ops.scheduled_builds (
            looked_at timestamptz primary key default clock_timestamp(),
            project_hash text not null,
            published_at timestamptz
        );
        comment on table ops.scheduled_builds is
            'When a scheduled build looked for something new and found it, and when that was published.';
    """)


def downgrade() -> None:
    """Forgets them: the next scheduled build builds."""
    op.execute("""
        drop table ops.scheduled_builds;
        alter table ops.dbt_runs drop column whole, drop column succeeded_at;
    """)
