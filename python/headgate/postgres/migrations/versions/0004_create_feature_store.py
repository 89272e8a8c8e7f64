"""Releases and what consumers read of them."""

from alembic import op

revision = "0004"
down_revision = "0003"
TABLES = ("ops.releases", "ops.release_views", "ops.release_events")
SCHEMAS = "select 'feature_store'"


def upgrade() -> None:
    """Creates the ledger of releases; the publisher adds a history and an online table for each view."""
    op.execute("""
        create table ops.releases (
            release_id integer primary key check (release_id > 0),
            parent_release integer references ops.releases,
            status text not null default 'kept' check (status in ('kept', 'abandoned', 'compacted')),
            published_at timestamptz not null default clock_timestamp(),
            published_by text not null,
            processed_to timestamptz,
            loads_added bigint[] not null,
            loads_removed bigint[] not null,
            project_hash text,
            git_revision text,
            gates jsonb not null,
            seconds double precision
        );
        comment on table ops.releases is 'One atomic publish of all feature views; numbers have no gaps.';

        create table ops.release_views (
            release_id integer not null references ops.releases,
            view text not null,
            version integer not null,
            keys text[] not null,
            columns jsonb not null,
            definition text,
            source_relation oid not null,
            rows_total bigint not null,
            rows_added bigint not null,
            rows_changed bigint not null,
            rows_closed bigint not null,
            entities_changed bigint not null,
            primary key (release_id, view)
        );
        comment on table ops.release_views is
            'The feature views of each release: shape, definition, what changed.';
        comment on column ops.release_views.columns is
            'In order: name, type, and the column of the history it is stored in.';
        comment on column ops.release_views.source_relation is
            'The table of dbt that was read: another one means that it was rebuilt.';

        create table ops.release_events (
            event_id bigint generated always as identity primary key,
            happened_at timestamptz not null default clock_timestamp(),
            action text not null check (action in ('publish', 'rollback', 'compact', 'approve')),
            actor text not null,
            from_release integer,
            to_release integer,
            details jsonb not null default '{}'
        );
        comment on table ops.release_events is 'The audit log of the feature store.';

        create schema feature_store;
        comment on schema feature_store is
            'What consumers read: only what passed every gate, as numbered releases.';
        create table feature_store.active_release (
            singleton boolean primary key default true check (singleton),
            release_id integer not null references ops.releases,
            processed_to timestamptz,
            active_since timestamptz not null default clock_timestamp()
        );
        comment on table feature_store.active_release is
            'The release that consumers see: one row, none before the first publish.';
        create view feature_store.releases as
            select release_id, parent_release, status, published_at, processed_to from ops.releases;
        create view feature_store.release_views as
            select release_id, view, version, keys, columns from ops.release_views;
    """)


def downgrade() -> None:
    """Drops every release and all that consumers read."""
    op.execute("""
        drop schema feature_store cascade;
        drop table ops.release_events, ops.release_views, ops.releases
    """)
