"""Loads that grow by messages, and landing tables that they are appended to."""

from alembic import op

revision = "0009"
down_revision = "0008"
TABLES = (
    "ops.loads where appended",
    "ops.rejects where load_id in (select load_id from ops.loads where appended)",
    "ops.repairs where load_id in (select load_id from ops.loads where appended)",
)

#: Declared sources too: what the ledger forgets must not count as delivered later.
SCHEMAS = r"""
    select distinct schemaname from pg_tables
    where schemaname like 'staging\_%' and tablename like '%\_delivered'
"""

#: What goes away on the way back: a release before 0009 knows no appended loads.
FORGET = """
    delete from ops.{} where load_id in (
        select load_id from ops.loads where appended or source <> contract_source
    )
"""


def upgrade() -> None:
    """Adds what an appended load has; the landing tables of GitHub's own deliveries."""
    op.execute("""
        alter table ops.loads add column appended boolean not null default false;
        alter table ops.loads add column rows_redelivered bigint not null default 0;
        alter table ops.loads add column contract_source text not null generated always as (
            case when source in ('github_events', 'github_webhooks') then 'gharchive' else source end
        ) stored;
        alter table ops.loads drop constraint loads_status_check;
        alter table ops.loads add constraint loads_status_check
            check (status in ('running', 'open', 'landed', 'replaced', 'failed'));
        comment on column ops.loads.appended is
            'Whether it adds to what is landed, instead of holding a stretch of time alone.';
        comment on column ops.loads.rows_redelivered is
            'Messages that had landed before, by their delivery id; not in lines_read.';
        comment on column ops.loads.contract_source is
            'The source whose contract and staging models hold for its records.';

        drop index ops.loads_landed_once;
        create unique index loads_landed_once on ops.loads (source, entity, partition_start)
            where status = 'landed' and not appended;
        create unique index loads_appended_once on ops.loads (contract_source, partition_start)
            where status in ('open', 'landed') and appended;
        create index loads_by_content on ops.loads (source, entity, content_sha256)
            where status = 'landed' and appended;
    """)
    for source, entity, comment in (
        ("github_events", "events", "Raw events of the Events API of GitHub, polled or from a stream."),
        (
            "github_webhooks",
            "deliveries",
            "Raw deliveries of webhooks, each in the envelope of an event.",
        ),
    ):
        op.execute(f"""
            create schema staging_{source};
            create table staging_{source}.{entity} (
                load_id bigint not null,
                line_number integer not null,
                record_id text,
                record_type text,
                recorded_at timestamptz,
                record jsonb not null
            ) partition by range (load_id);
            create index on staging_{source}.{entity} (load_id, line_number);
            comment on table staging_{source}.{entity} is '{comment} Personal data already replaced.';
            create table staging_{source}.{entity}_delivered (
                delivery uuid primary key,
                load_id bigint not null
            );
            comment on table staging_{source}.{entity}_delivered is
                'MD5 of every delivery id that has landed or was rejected, so that none does twice.';
        """)


def downgrade() -> None:
    """Drops these landing tables and forgets the loads in them."""
    op.execute(f"""
        do $drop$
        declare
            landing text;
        begin
            for landing in {SCHEMAS} loop
                execute format('drop schema %I cascade', landing);
            end loop;
        end
        $drop$
    """)
    for table in ("rejects", "repairs", "loads"):
        op.execute(FORGET.format(table))
    op.execute("""
        drop index ops.loads_landed_once, ops.loads_appended_once, ops.loads_by_content;
        create unique index loads_landed_once on ops.loads (source, entity, partition_start)
            where status = 'landed';
        alter table ops.loads drop constraint loads_status_check;
        alter table ops.loads add constraint loads_status_check
            check (status in ('running', 'landed', 'replaced', 'failed'));
        -- With the views of load outcomes, which dbt makes again.
        alter table ops.loads
            drop column appended cascade,
            drop column rows_redelivered cascade,
            drop column contract_source cascade;
        -- Of databases that were at 0022.
        drop function if exists ops.complete_load() cascade;
    """)
