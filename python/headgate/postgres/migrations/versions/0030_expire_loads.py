"""Loads whose records were removed because they are older than their source keeps them."""

from alembic import op

revision = "0030"
down_revision = "0029"

#: What the way back destroys.
TABLES = ("ops.decisions where action = 'expire load'",)

#: What each partition holds; as 0017 made it, with a column more.
CURRENT_LOADS = """
    create view ops.current_loads as
        select load_id, source, entity, contract_source, partition_start, partition_end{expired_at}
        from ops.loads
        where status = 'landed'
        union all
        select -load_id, source, entity, contract_source, partition_start, partition_end{none}
        from ops.loads
        where
            (
                status = 'discarded'
                or status = 'replaced' and appended and exists (
                    select from ops.loads as again
                    where
                        (again.source, again.entity, again.content_sha256)
                        = (loads.source, loads.entity, loads.content_sha256)
                        and again.appended
                        and again.status in ('landed', 'discarded')
                )
            )
            and not exists (
                select from ops.loads as other
                where
                    other.contract_source = loads.contract_source
                    and other.partition_start = loads.partition_start
                    and (
                        other.status = 'landed'
                        or (
                            (other.status = 'discarded' or other.status = 'replaced' and other.appended)
                            and other.load_id > loads.load_id
                        )
                    )
            );
    comment on view ops.current_loads is
        'What each partition holds: its landed load, or, with a negative number, the discarded one.';
"""
ACTIONS = (
    "accept records",
    "discard records",
    "reopen records",
    "discard load",
    "restore load",
    "waive gate",
    "stop waiving gate",
)


def upgrade() -> None:
    """Says of a load when its records were removed; the log of decisions takes that."""
    op.execute("""
        alter table ops.loads add column expired_at timestamptz;
        comment on column ops.loads.expired_at is
            'When its records were removed, because they were older than their source keeps them.';
        drop view ops.current_loads;
    """)
    # Nothing stays of a discarded load, whether its records are there or not.
    op.execute(CURRENT_LOADS.format(expired_at=", expired_at", none=", null"))
    _allow((*ACTIONS, "expire load"))


def downgrade() -> None:
    """Forgets it; of a load whose typed records went, too, nothing is built: it counts as replaced."""
    op.execute("""
        drop view ops.current_loads;
        -- Where features rest on it, typed records stayed: replaced, it would make them older than their
        -- data, and nothing could be published.
        update ops.loads set status = 'replaced'
        where
            expired_at is not null
            and status = 'landed'
            and not exists (
                select from ops.built_partitions as built
                inner join pg_tables on tablename = built.model and schemaname in ('features', 'training')
                where built.source = loads.contract_source and built.partition_start = loads.partition_start
            );
        alter table ops.loads drop column expired_at cascade;
        alter table ops.decisions disable trigger append_only;
        delete from ops.decisions where action = 'expire load';
        alter table ops.decisions enable trigger append_only;
    """)
    op.execute(CURRENT_LOADS.format(expired_at="", none=""))
    _allow(ACTIONS)


def _allow(actions: tuple[str, ...]) -> None:
    named = ", ".join(f"'{action}'" for action in actions)
    op.execute(f"""
        alter table ops.decisions drop constraint decisions_action_check;
        alter table ops.decisions add constraint decisions_action_check check (action in ({named}))
    """)
