"""What sources that are read step by step remember: how far they are, and what they may see again."""

from alembic import op

revision = "0010"
down_revision = "0009"
TABLES = ("ops.source_state", "ops.source_window", "ops.source_keys")


def upgrade() -> None:
    """Creates them."""
    op.execute("""
        create table ops.source_state (
            source text not null,
            entity text not null,
            state jsonb not null,
            changed_at timestamptz not null default clock_timestamp(),
            primary key (source, entity)
        );
        comment on table ops.source_state is
            'How far a source has been read. Changes in the transaction that lands what was read.';

        create table ops.source_window (
            source text not null,
            entity text not null,
            version uuid not null,
            position bigint not null,
            primary key (source, entity, version)
        );
        create index source_window_by_position on ops.source_window (source, entity, position);
        comment on table ops.source_window is
            'Row versions that have landed and are read again: MD5 of key, cursor and content; the cursor.';

        create table ops.source_keys (
            source text not null,
            entity text not null,
            key text not null,
            primary key (source, entity, key)
        );
        comment on table ops.source_keys is
            'Keys of the rows that have landed and were not seen deleted, for sources that notice deletes.';
    """)


def downgrade() -> None:
    """Drops them."""
    op.execute("drop table ops.source_keys, ops.source_window, ops.source_state")
