"""Locks that a reader of the database cannot take."""

from alembic import op

revision = "0020"
down_revision = "0019"
TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    """Adds the names that are locked."""
    op.execute("""
        create table ops.locks (
            name text primary key
        );
        comment on table ops.locks is
            'Whoever holds the row of a name in a transaction has the lock; who may not write here cannot.';
    """)


def downgrade() -> None:
    """Drops them."""
    op.execute("drop table ops.locks")
