"""An approval is leave for one time: when its plan was applied."""

from alembic import op

revision = "0034"
down_revision = "0033"


def upgrade() -> None:
    """Of before: what was approved before the newest release is taken for applied."""
    op.execute("""
        alter table ops.approvals add column applied_at timestamptz;
        comment on column ops.approvals.applied_at is
            'When its changes were made, by apply or with a release: it is no leave to make them again.';
        update ops.approvals set applied_at = clock_timestamp()
        where
            applied_release is not null
            or approved_at < (select max(published_at) from ops.releases);
    """)


def downgrade() -> None:
    """Approvals hold for good, as they did."""
    op.execute("alter table ops.approvals drop column applied_at")
