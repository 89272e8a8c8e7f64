"""Loads say which events they hold, and releases how far each of their views is processed."""

from alembic import op

revision = "0017"
down_revision = "0016"
TABLES: tuple[str, ...] = ()

#: Version 0016 empties the partition of a discarded load only. An appended load that landed again
#: may start elsewhere: what was built of it goes, too.
CURRENT_LOADS = """
    create or replace view ops.current_loads as
        select load_id, source, entity, contract_source, partition_start, partition_end
        from ops.loads
        where status = 'landed'
        union all
        select -load_id, source, entity, contract_source, partition_start, partition_end
        from ops.loads
        where
            {gone}
            and not exists (
                select from ops.loads as other
                where
                    other.contract_source = loads.contract_source
                    and other.partition_start = loads.partition_start
                    and (
                        other.status = 'landed'
                        or ({other_gone} and other.load_id > loads.load_id)
                    )
            )
"""
BEFORE = {"gone": "status = 'discarded'", "other_gone": "other.status = 'discarded'"}
AFTER = {
    "gone": """(
                status = 'discarded'
                or status = 'replaced' and appended and exists (
                    select from ops.loads as again
                    where
                        (again.source, again.entity, again.content_sha256)
                        = (loads.source, loads.entity, loads.content_sha256)
                        and again.appended
                        and again.status in ('landed', 'discarded')
                )
            )""",
    "other_gone": "(other.status = 'discarded' or other.status = 'replaced' and other.appended)",
}

#: What landed before: the newest event of each appended load, as its landing table has it.
FIND_NEWEST = """
    do $find$
    declare
        place record;
    begin
        for place in
            select distinct source, entity from ops.loads
            where appended and to_regclass(format('%I.%I', 'staging_' || source, entity)) is not null
        loop
            execute format(
                'update ops.loads set newest_event_at = found.newest
                from (
                    select landed.load_id, max(landed.recorded_at) as newest
                    from %I.%I as landed inner join ops.loads using (load_id)
                    where landed.recorded_at <= loads.partition_end
                    group by landed.load_id
                ) as found
                where
                    loads.load_id = found.load_id
                    and loads.source = %L and loads.entity = %L and loads.appended',
                'staging_' || place.source, place.entity, place.source, place.entity
            );
        end loop;
    end
    $find$
"""

#: How far the views of each release are processed, from the loads that it was made of and, as a view rests on
#: the same sources in all of them, from what the view was built from. {reach}: how far a load reaches.
REACHED = """
    with recursive edges as (
        select distinct built.model, split_part(part, ':', 1) as upstream
        from ops.built_partitions as built
        cross join lateral string_to_table(built.upstream_version, '/') as part
        where part like '%:%'
    ),

    chain as (
        select distinct view, view as model from ops.release_views
        union
        select chain.view, edges.upstream from chain inner join edges using (model)
    ),

    rests_on as (
        select distinct chain.view, loads.contract_source
        from chain
        inner join ops.built_partitions as built using (model)
        inner join ops.loads as loads on loads.load_id::text = ltrim(built.upstream_version, '-')
        where built.upstream_version not like '%:%'
    ),

    added as (
        select release_id, load_id from ops.releases cross join unnest(loads_added) as load_id
    ),

    removed as (
        select release_id, load_id from ops.releases cross join unnest(loads_removed) as load_id
    ),

    held as (
        select added.load_id, added.release_id as first_release, min(removed.release_id) as gone_in
        from added
        left join removed on removed.load_id = added.load_id and removed.release_id > added.release_id
        group by added.load_id, added.release_id
    ),

    made_of as (
        select releases.release_id, loads.contract_source, max({reach}) as reached
        from ops.releases as releases
        inner join held
            on
                held.first_release <= releases.release_id
                and (held.gone_in is null or held.gone_in > releases.release_id)
        inner join ops.loads as loads using (load_id)
        where releases.status <> 'compacted'
        group by releases.release_id, loads.contract_source
    )
"""

#: A release reaches as far as all of its views do.
EARLIEST = """
    update ops.releases set processed_to = views.earliest
    from (
        select release_id, min(processed_to) as earliest from ops.release_views group by release_id
    ) as views
    where views.release_id = releases.release_id;
    update feature_store.active_release set processed_to = releases.processed_to
    from ops.releases as releases where releases.release_id = active_release.release_id
"""


def upgrade() -> None:
    """Carries over what stands: loads from their landing tables, views from the loads of their releases."""
    op.execute("""
        alter table ops.loads add column newest_event_at timestamptz;
        alter table ops.loads add column reaches_to timestamptz generated always as (
            case
                when not appended or newest_event_at is null then partition_end at time zone 'UTC'
                when
                    date_trunc('hour', newest_event_at at time zone 'UTC') + interval '1 hour'
                    <= partition_end at time zone 'UTC'
                    then date_trunc('hour', newest_event_at at time zone 'UTC') + interval '1 hour'
                else date_trunc('hour', least(newest_event_at, partition_end) at time zone 'UTC')
            end at time zone 'UTC'
        ) stored;
        comment on column ops.loads.newest_event_at is
            'Of an appended load: the newest time of an event in it that was not later than the landing.';
        comment on column ops.loads.reaches_to is
            'Its source is processed to here once it is built: the end of its partition, or, where appended,'
            ' the last full hour that its events tell of.';
        alter table ops.release_views add column processed_to timestamptz;
        comment on column ops.release_views.processed_to is
            'Values cover every event before this instant, in all the sources that the view rests on.';
        alter table ops.datasets add column processed_to timestamptz;
        comment on column ops.datasets.processed_to is
            'How far its views were processed, as its file says.';
        update ops.datasets set processed_to = releases.processed_to
        from ops.releases as releases where releases.release_id = datasets.release_id;
        comment on column ops.releases.processed_to is 'The earliest of its views.';
        create or replace view feature_store.release_views as
            select release_id, view, version, keys, columns, processed_to from ops.release_views;
        create view feature_store.active_views as
            select views.view, views.version, views.release_id, views.processed_to
            from feature_store.active_release as active
            inner join ops.release_views as views on views.release_id = active.release_id;
        comment on view feature_store.active_views is
            'The feature views that consumers see: of which release, and up to when they cover events.';
    """)
    op.execute(CURRENT_LOADS.format(**AFTER))
    op.execute(FIND_NEWEST)
    op.execute(
        REACHED.format(reach="loads.reaches_to")  # noqa: S608 - constants
        + """
        update ops.release_views set processed_to = coalesce(
            (
                select case when bool_and(made_of.reached is not null) then min(made_of.reached) end
                from rests_on
                left join made_of
                    on
                        made_of.contract_source = rests_on.contract_source
                        and made_of.release_id = release_views.release_id
                where rests_on.view = release_views.view
            ),
            (select processed_to from ops.releases where releases.release_id = release_views.release_id)
        )
        """
    )
    op.execute(EARLIEST)


def downgrade() -> None:
    """A release has one number again, and what was appended reaches to when it landed."""
    op.execute(CURRENT_LOADS.format(**BEFORE))
    op.execute(
        REACHED.format(reach="loads.partition_end")  # noqa: S608 - constants
        + """
        update ops.releases set processed_to = newest.reached
        from (select release_id, max(reached) as reached from made_of group by release_id) as newest
        where newest.release_id = releases.release_id
        """
    )
    op.execute("""
        update feature_store.active_release set processed_to = releases.processed_to
        from ops.releases as releases where releases.release_id = active_release.release_id;
        comment on column ops.releases.processed_to is null;
        drop view feature_store.active_views, feature_store.release_views;
        create view feature_store.release_views as
            select release_id, view, version, keys, columns from ops.release_views;
        alter table ops.release_views drop column processed_to;
        alter table ops.datasets drop column processed_to;
        -- With the views of load outcomes, which dbt makes again.
        alter table ops.loads
            drop column reaches_to cascade, drop column newest_event_at cascade;
    """)
