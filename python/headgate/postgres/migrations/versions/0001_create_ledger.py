"""The ledger: loads, rejects and repairs."""

from alembic import op

revision = "0001"
down_revision = None
TABLES = ("ops.loads", "ops.rejects", "ops.repairs")


def upgrade() -> None:
    """Creates the tables that account for every line that was read."""
    op.execute("""
        create table ops.loads (
            load_id bigint generated always as identity primary key,
            source text not null,
            entity text not null,
            partition_start timestamptz not null,
            partition_end timestamptz not null,
            uri text not null,
            content_sha256 text,
            lines_read bigint,
            rows_landed bigint,
            rows_rejected bigint,
            rows_repaired bigint,
            bytes_read bigint,
            status text not null check (status in ('running', 'landed', 'replaced', 'failed')),
            started_at timestamptz not null default clock_timestamp(),
            finished_at timestamptz,
            error text,
            check (partition_start < partition_end),
            constraint every_line_is_accounted_for check (
                status not in ('landed', 'replaced')
                or coalesce(lines_read = rows_landed + rows_rejected, false)
            )
        );
        create unique index loads_landed_once on ops.loads (source, entity, partition_start)
            where status = 'landed';
        comment on table ops.loads is 'One attempt to land one partition of a source.';

        create table ops.rejects (
            load_id bigint not null references ops.loads,
            line_number integer not null,
            reason text not null,
            line bytea not null,
            primary key (load_id, line_number)
        );
        comment on table ops.rejects is 'Lines that are not JSON for PostgreSQL, as they came.';

        create table ops.repairs (
            load_id bigint not null references ops.loads,
            line_number integer not null,
            repair text not null,
            line bytea not null,
            primary key (load_id, line_number)
        );
        comment on table ops.repairs is 'Lines that landed after a repair, as they came.';
    """)


def downgrade() -> None:
    """Drops the ledger."""
    op.execute("drop table ops.repairs, ops.rejects, ops.loads")
