"""Versioned training sets."""

from alembic import op

revision = "0006"
down_revision = "0005"
TABLES = ("ops.datasets",)
SCHEMAS = "select 'datasets'"


def upgrade() -> None:
    """Creates the register of datasets; each keeps its spine in a table of the schema datasets."""
    op.execute("""
        create schema datasets;
        comment on schema datasets is
            'The spines of datasets: entity keys, instants and labels as they were.';
        create table ops.datasets (
            dataset_id integer generated always as identity primary key,
            name text not null,
            version integer not null,
            release_id integer not null references ops.releases,
            views text[] not null,
            spine_model text not null,
            spine_table text not null,
            instant text not null,
            label text,
            row_count bigint not null,
            label_counts jsonb not null,
            content_sha256 text not null,
            parts jsonb not null,
            leakage jsonb not null,
            writer text not null,
            uri text not null,
            created_at timestamptz not null default clock_timestamp(),
            created_by text not null,
            unique (name, version)
        );
        comment on table ops.datasets is
            'Labels joined point-in-time to one release: what was written, and its hash.';
        comment on column ops.datasets.parts is
            'Hashes of the schema and of each column: what differs if the file does.';
        comment on column ops.datasets.leakage is
            'What the leakage gate recomputed, and from what.';
    """)


def downgrade() -> None:
    """Drops every dataset's register and spine."""
    op.execute("drop schema datasets cascade; drop table ops.datasets")
