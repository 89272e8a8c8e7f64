"""The landing table of the GitHub archive."""

from alembic import op

revision = "0002"
down_revision = "0001"
TABLES = (
    "staging_gharchive.events",
    "ops.loads where source = 'gharchive'",
    "ops.rejects where load_id in (select load_id from ops.loads where source = 'gharchive')",
    "ops.repairs where load_id in (select load_id from ops.loads where source = 'gharchive')",
)

#: Hours that the ledger still calls landed would never land again.
FORGET = """
    delete from ops.{} where load_id in (select load_id from ops.loads where source = 'gharchive')
"""


def upgrade() -> None:
    """Creates the landing table; every load adds its own partition."""
    op.execute("""
        create schema staging_gharchive;
        create table staging_gharchive.events (
            load_id bigint not null,
            line_number integer not null,
            record_id text,
            record_type text,
            recorded_at timestamptz,
            record jsonb not null
        ) partition by list (load_id);
        comment on table staging_gharchive.events is
            'Raw events of the GitHub archive, one row per line that landed; personal data already replaced.';
    """)


def downgrade() -> None:
    """Drops the landing table with every load in it, and forgets these loads."""
    op.execute("drop table if exists staging_gharchive.events; drop schema if exists staging_gharchive")
    for table in ("rejects", "repairs", "loads"):
        op.execute(FORGET.format(table))
