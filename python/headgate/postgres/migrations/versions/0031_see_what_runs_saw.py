"""What a run of dbt could see when it began: gates say nothing of what was committed later."""

from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    """Runs keep the transactions that had ended when they began; of older ones nobody asks any more."""
    op.execute("""
        alter table ops.dbt_runs add column saw pg_snapshot not null default pg_current_snapshot();
        comment on column ops.dbt_runs.saw is 'The transactions that had ended when it began.';
    """)


def downgrade() -> None:
    """Forgets them."""
    op.execute("alter table ops.dbt_runs drop column saw")
