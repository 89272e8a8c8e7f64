"""Decisions of people: discarded loads, accepted and discarded records, waived gates."""

from alembic import op

revision = "0012"
down_revision = "0011"
TABLES = ("ops.decisions", "ops.record_decisions", "ops.gate_waivers")

#: Version 0011 knows no discarded load: one lands again unless another stands, or will stand, in its time.
LAND_AGAIN = """
    update ops.loads set status = 'replaced'
    where
        status = 'discarded'
        and exists (
            select from ops.loads as other
            where
                (other.source, other.entity) = (loads.source, loads.entity)
                and (
                    other.partition_start = loads.partition_start
                    -- Loads that are appended to may share time with others.
                    or (
                        not (other.appended or loads.appended)
                        and other.partition_start < loads.partition_end
                        and other.partition_end > loads.partition_start
                    )
                )
                and (
                    other.status = 'landed'
                    or (other.status = 'discarded' and other.load_id > loads.load_id)
                )
        );
    update ops.loads set status = 'landed' where status = 'discarded';
    delete from ops.built_partitions where load_id < 0
"""


def upgrade() -> None:
    """Lets loads be discarded and says which load a partition was built from; adds the decisions."""
    _change_loads(("running", "open", "landed", "discarded", "replaced", "failed"), "landed", "discarded")
    op.execute("""
        create view ops.current_loads as
            select load_id, source, entity, contract_source, partition_start, partition_end
            from ops.loads
            where status = 'landed'
            union all
            select -load_id, source, entity, contract_source, partition_start, partition_end
            from ops.loads
            where
                status = 'discarded'
                and not exists (
                    select from ops.loads as other
                    where
                        other.contract_source = loads.contract_source
                        and other.partition_start = loads.partition_start
                        and (
                            other.status = 'landed'
                            or (other.status = 'discarded' and other.load_id > loads.load_id)
                        )
                );
        comment on view ops.current_loads is
            'What each partition holds: its landed load, or, with a negative number, the discarded one.';

        alter table ops.built_partitions add column load_id bigint;
        comment on column ops.built_partitions.load_id is
            'The load that it was built from; negative where that was discarded, and nothing is left.';
        update ops.built_partitions as built set load_id = chosen.load_id
        from (
            select distinct on (known.model, known.partition_start)
                known.model, known.partition_start, loads.load_id
            from ops.built_partitions as known
            inner join ops.loads as loads
                on loads.partition_start = known.partition_start and loads.status in ('landed', 'replaced')
            order by
                known.model,
                known.partition_start,
                loads.load_id::text = known.upstream_version desc,
                loads.contract_source = split_part(substr(known.model, 5), '__', 1) desc,
                loads.status = 'landed' desc,
                loads.load_id desc
        ) as chosen
        where built.model = chosen.model and built.partition_start = chosen.partition_start;

        create table ops.decisions (
            decision_id bigint generated always as identity primary key,
            action text not null check (action in (
                'accept records', 'discard records', 'reopen records',
                'discard load', 'restore load', 'waive gate', 'stop waiving gate'
            )),
            load_id bigint not null references ops.loads,
            gate text,
            line_numbers integer[],
            reason text not null check (reason <> ''),
            actor text not null,
            decided_at timestamptz not null default clock_timestamp(),
            check ((gate is not null) = (action in ('waive gate', 'stop waiving gate'))),
            check ((line_numbers is not null) = (action like '% records'))
        );
        create index decisions_by_load on ops.decisions (load_id, decision_id);
        comment on table ops.decisions is
            'Who decided what about records, loads and gates, when and why. Rows are only ever added.';

        create function ops.refuse_change() returns trigger language plpgsql as $function$
        begin
            raise exception '% is an audit log: its rows are never changed or deleted', tg_relid::regclass;
        end
        $function$;
        create trigger append_only before update or delete or truncate on ops.decisions
            for each statement execute function ops.refuse_change();

        create table ops.record_decisions (
            load_id bigint not null references ops.loads,
            line_number integer not null,
            decision text not null check (decision in ('accepted', 'discarded')),
            decision_id bigint not null references ops.decisions,
            primary key (load_id, line_number)
        );
        comment on table ops.record_decisions is
            'Quarantined records that somebody accepted or discarded, as it stands now.';

        create table ops.gate_waivers (
            gate text not null,
            load_id bigint not null references ops.loads,
            decision_id bigint not null references ops.decisions,
            primary key (gate, load_id)
        );
        comment on table ops.gate_waivers is
            'Gates that do not stop for one load, because somebody said so; as it stands now.';
        alter table ops.gate_results add column waived_loads bigint[] not null default '{}';
        comment on column ops.gate_results.waived_loads is 'The loads that the gate did not stop for.';
    """)


def downgrade() -> None:
    """Drops the decisions; discarded loads are landed again."""
    op.execute("""
        alter table ops.gate_results drop column waived_loads;
        -- With the views of load outcomes, which dbt makes again.
        drop table ops.gate_waivers, ops.record_decisions, ops.decisions cascade;
        drop function ops.refuse_change();
        drop view ops.current_loads;
    """)
    op.execute(LAND_AGAIN)
    op.execute("alter table ops.built_partitions drop column load_id")
    _change_loads(("running", "open", "landed", "replaced", "failed"), "landed")


def _change_loads(statuses: tuple[str, ...], *held: str) -> None:
    """Sets the statuses of a load, and those in which it holds its place and its content."""
    known, held_by = (", ".join(f"'{status}'" for status in some) for some in (statuses, held))
    op.execute(f"""
        alter table ops.loads drop constraint loads_status_check;
        alter table ops.loads add constraint loads_status_check check (status in ({known}));
        alter table ops.loads drop constraint every_line_is_accounted_for;
        alter table ops.loads add constraint every_line_is_accounted_for check (
            status not in ({held_by}, 'replaced')
            or coalesce(lines_read = rows_landed + rows_rejected, false)
        );
        drop index ops.loads_appended_once, ops.loads_by_content;
        create unique index loads_appended_once on ops.loads (contract_source, partition_start)
            where status in ('open', {held_by}) and appended;
        create index loads_by_content on ops.loads (source, entity, content_sha256)
            where status in ({held_by}) and appended;
    """)
