"""What stood in each version of a seed, for plans to compare by the columns that models read."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Creates it."""
    op.execute("""
        create table ops.seed_contents (
            checksum text primary key,
            seed text not null,
            rows jsonb not null,
            recorded_at timestamptz not null default clock_timestamp()
        );
        comment on table ops.seed_contents is
            'Rows of every version of a seed that was loaded. Written by dbt when it loads one.';
        comment on column ops.seed_contents.checksum is 'Of the file, as it stands in definitions.';
    """)


def downgrade() -> None:
    """Drops it."""
    op.execute("drop table ops.seed_contents")
