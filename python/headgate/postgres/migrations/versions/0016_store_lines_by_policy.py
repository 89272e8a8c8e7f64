"""Rejected and repaired lines say how they are stored: as they came, minimised, encrypted, or not at all."""

from alembic import op

revision = "0016"
down_revision = "0015"
TABLES: tuple[str, ...] = ()

KEPT = ("rejects", "repairs")


def upgrade() -> None:
    """Adds what says so. Lines from before stay: `headgate rejects minimise` applies contracts to them."""
    for table in KEPT:
        op.execute(f"""
            alter table ops.{table}
                add column stored_as text not null default 'verbatim'
                    check (stored_as in ('verbatim', 'minimised', 'encrypted', 'dropped')),
                add column line_bytes integer,
                add column line_hmac text,
                alter column line drop not null,
                add constraint a_line_is_there_unless_dropped
                    check ((line is null) = (stored_as = 'dropped'));
            update ops.{table} set line_bytes = octet_length(line);
            alter table ops.{table}
                alter column line_bytes set not null,
                alter column stored_as drop default;
            comment on column ops.{table}.line is 'The line as `stored_as` says; null where it is dropped.';
            comment on column ops.{table}.line_bytes is 'Length of the line as it came.';
            comment on column ops.{table}.line_hmac is
                'Keyed hash of the line as it came; null where the line is there.';
        """)  # noqa: S608 - names above
    op.execute("""
        comment on table ops.rejects is 'Lines that cannot land, with the reason.';
        comment on table ops.repairs is 'Lines that landed after a repair.';
    """)


def downgrade() -> None:
    """Drops it; a line that was dropped is an empty one then, an encrypted one stays encrypted."""
    for table in KEPT:
        op.execute(f"""
            alter table ops.{table} drop constraint a_line_is_there_unless_dropped;
            update ops.{table} set line = '' where line is null;
            alter table ops.{table}
                alter column line set not null,
                drop column stored_as,
                drop column line_bytes,
                drop column line_hmac;
        """)  # noqa: S608 - names above
