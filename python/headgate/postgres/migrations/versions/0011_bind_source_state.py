"""What a noted position was read from, and earlier positions that can come back."""

from alembic import op

revision = "0011"
down_revision = "0010"
TABLES = ("ops.source_positions", "ops.source_positions_window", "ops.source_positions_keys")


def upgrade() -> None:
    """Positions that are there are bound to their loader by the next pull."""
    op.execute("""
        alter table ops.source_state
            add column read_from jsonb,
            add column rebind boolean not null default false,
            add column confirmed_by text,
            add column confirmed_at timestamptz;
        comment on column ops.source_state.read_from is
            'The parts of the loader that say what the state means; null when an earlier version noted it.';
        comment on column ops.source_state.rebind is
            'Whether somebody confirmed that the state holds for the loader as the next pull finds it.';
        comment on column ops.source_state.confirmed_by is 'Who confirmed that last.';

        create table ops.source_positions (
            position_id bigint generated always as identity primary key,
            source text not null,
            entity text not null,
            state jsonb not null,
            read_from jsonb,
            noted_at timestamptz not null,
            kept_at timestamptz not null default clock_timestamp(),
            kept_by text not null,
            reason text not null
        );
        create index source_positions_by_source on ops.source_positions (source, entity, position_id);
        comment on table ops.source_positions is
            'States of ops.source_state that were put aside: when, by whom, why. One can be put back.';

        create table ops.source_positions_window (
            position_id bigint not null references ops.source_positions on delete cascade,
            version uuid not null,
            position bigint not null,
            primary key (position_id, version)
        );
        comment on table ops.source_positions_window is 'Rows of ops.source_window that were put aside.';

        create table ops.source_positions_keys (
            position_id bigint not null references ops.source_positions on delete cascade,
            key text not null,
            primary key (position_id, key)
        );
        comment on table ops.source_positions_keys is 'Rows of ops.source_keys that were put aside.';
    """)


def downgrade() -> None:
    """Drops what was put aside; the states stay."""
    op.execute("""
        drop table ops.source_positions_keys, ops.source_positions_window, ops.source_positions;
        alter table ops.source_state
            drop column read_from, drop column rebind, drop column confirmed_by, drop column confirmed_at
    """)
