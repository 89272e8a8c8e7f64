"""Landing writes whose contract holds for a load: the project declares which sources share one."""

from alembic import op

from headgate.extensions import extensions

revision = "0022"
down_revision = "0021"
TABLES: tuple[str, ...] = ()

COMPLETE = """
    create or replace function ops.complete_load() returns trigger language plpgsql as $$
    begin
        new.contract_source := {value};
        return new;
    end
    $$;
"""


def upgrade() -> None:
    """Makes the column one that is written, with the load's own source where nothing else is said."""
    op.execute(f"""
        alter table ops.loads alter column contract_source drop expression if exists;
        {COMPLETE.format(value="coalesce(new.contract_source, new.source)")}
        drop trigger if exists complete_load on ops.loads;
        create trigger complete_load before insert on ops.loads
            for each row execute function ops.complete_load();
    """)
    # Projects without the example do without its tables; `headgate up` makes those of packages.
    brought = {name for extension in extensions() for name in extension.sources}
    for source in {"gharchive", "github_events", "github_webhooks"} - brought:
        op.execute(f"""
            do $drop$
            begin
                if not exists (select from ops.loads where source = '{source}') then
                    drop schema if exists staging_{source} cascade;
                end if;
            end
            $drop$
        """)


def downgrade() -> None:
    """Writes what the rule of 0009 says: views rest on the column, which could not be made anew."""
    op.execute(
        COMPLETE.format(
            value="case when new.source in ('github_events', 'github_webhooks') then 'gharchive'"
            " else new.source end"
        )
    )
