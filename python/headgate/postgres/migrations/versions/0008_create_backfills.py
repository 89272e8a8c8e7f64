"""Backfills and their chunks; incidents that were told."""

from alembic import op

revision = "0008"
down_revision = "0007"
TABLES = ("ops.backfills", "ops.backfill_chunks", "ops.incidents")


def upgrade() -> None:
    """Creates what a killed backfill goes on from, and what keeps an alert from being sent twice."""
    op.execute("""
        create table ops.backfills (
            backfill_id bigint generated always as identity primary key,
            pipeline text not null,
            range_start timestamptz not null,
            range_end timestamptz not null,
            options jsonb not null,
            status text not null default 'running'
                check (status in ('running', 'done', 'failed', 'superseded')),
            process text not null,
            started_at timestamptz not null default clock_timestamp(),
            finished_at timestamptz,
            check (range_start < range_end)
        );
        comment on table ops.backfills is
            'A range of time that a pipeline is run over. Its process holds an advisory lock while it works.';

        create table ops.backfill_chunks (
            backfill_id bigint not null references ops.backfills,
            position integer not null,
            batch integer not null,
            step text not null,
            chunk_start timestamptz not null,
            chunk_end timestamptz not null,
            status text not null default 'waiting'
                check (status in ('waiting', 'running', 'done', 'failed')),
            attempts integer not null default 0,
            started_at timestamptz,
            finished_at timestamptz,
            result jsonb,
            error text,
            primary key (backfill_id, position),
            check (chunk_start < chunk_end)
        );
        comment on table ops.backfill_chunks is 'The parts of a backfill, in the order of their batches.';

        create table ops.incidents (
            incident_id bigint generated always as identity primary key,
            kind text not null,
            subject text not null,
            message text not null,
            began_at timestamptz not null default clock_timestamp(),
            seen_at timestamptz not null default clock_timestamp(),
            ended_at timestamptz
        );
        create unique index incidents_open_once on ops.incidents (kind, subject) where ended_at is null;
        comment on table ops.incidents is 'What was late, from when until when; each is told once.';
    """)


def downgrade() -> None:
    """Drops them."""
    op.execute("drop table ops.incidents, ops.backfill_chunks, ops.backfills")
