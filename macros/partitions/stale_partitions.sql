{#
    The partitions that the current model has to build: those whose upstream version differs from the one it built last.

    Args:
        upstream: names of the models it is built from, for instance ['stg_gharchive__deliveries'];
            empty for a model that reads the landing table, whose version is the landed load. A discarded load has a
            negative number, which no landed record has: its partition is built, and holds nothing.
        source_name: the source whose contract the loads are held to, for instance 'gharchive'.
        extra: SQL that selects further partition_start values to build although their upstream is unchanged.

    Returns rows (partition_start, partition_end, load_id, source, upstream_version, was_built); times as ISO text in UTC.
    `source` is where the load came from: GitHub's events come from several.
#}
{% macro stale_partitions(upstream=[], source_name='gharchive', extra=none) -%}
    {% if canonical_mode() %}
        {{ return(canonical_partitions()) }}
    {% endif %}
    {% set statement %}
        with loads as (
            select partition_start, partition_end, load_id, source
            from ops.current_loads
            where contract_source = '{{ source_name }}'
        ),

        versions as (
            {% if upstream %}
            select partition_start, string_agg(model || ':' || version, '/' order by model) as upstream_version
            from ops.built_partitions
            where model in ({{ upstream | map('tojson') | join(', ') | replace('"', "'") }})
            group by partition_start
            having count(*) = {{ upstream | length }}
            {% else %}
            select partition_start, load_id::text as upstream_version from loads
            {% endif %}
        ),

        built as (
            select partition_start, upstream_version
            from ops.built_partitions
            where model = '{{ this.identifier }}' {{ '' if is_incremental() else 'and false' }}
        )

        select
            {{ iso_text('partition_start') }} as partition_start,
            {{ iso_text('partition_end') }} as partition_end,
            load_id,
            source,
            versions.upstream_version,
            built.partition_start is not null as was_built
        from loads
        inner join versions using (partition_start)
        left join built using (partition_start)
        where
            built.upstream_version is distinct from versions.upstream_version
            {% if extra and is_incremental() %}
            or partition_start in ({{ extra }})
            {% endif %}
        order by partition_start
    {% endset %}
    {{ return(run_query(statement).rows if execute else []) }}
{%- endmacro %}
