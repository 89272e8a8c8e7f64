"""Datasets whose features are as old as serving has them."""

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    """All datasets so far hold features of the very instant."""
    op.execute("""
        alter table ops.datasets
            add column lag_seconds integer not null default 0 check (lag_seconds >= 0),
            add column lag_kind text not null default 'none'
                check (lag_kind in ('none', 'measured', 'declared'));
    """)


def downgrade() -> None:
    """Forgets the lags; such datasets cannot be verified any more."""
    op.execute("alter table ops.datasets drop column lag_kind, drop column lag_seconds")
