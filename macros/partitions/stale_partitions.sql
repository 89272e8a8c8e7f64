{#
    The partitions that the current model has to build: those whose upstream version differs from the one it built last.

    Args:
        upstream: names of the models it is built from, for instance ['stg_invoices__deliveries'], of one source or of
            several; empty for a model that reads the landing table, whose version is the landed load. A discarded load has
            a negative number, which no landed record has: its partition is built, and holds nothing.
        source_name: the source whose contract the loads are held to; by default those that the
            upstream, or the model itself, rests on.
        extra: SQL that selects further partition_start values to build although their upstream is unchanged.

    Returns rows (contract_source, partition_start, partition_end, load_id, source, upstream_version, was_built); times as ISO
    text in UTC. `source` is where the load came from: several sources may share a contract.
#}
{% macro stale_partitions(upstream=[], source_name=none, extra=none) -%}
    {% if canonical_mode() %}
        {{ return(canonical_partitions()) }}
    {% elif not execute %}
        {{ return([]) }}
    {% endif %}
    {% if source_name %}
        {% set upstream_of = {source_name: upstream} %}
    {% elif upstream %}
        {% set upstream_of = models_by_source(upstream) %}
    {% else %}
        {% set upstream_of = dict.fromkeys(sources_of(model.unique_id), []) %}
    {% endif %}
    {% if not upstream_of %}
        {{ exceptions.raise_compiler_error(
            'model ' ~ this.identifier ~ ': expected to rest on a source with a contract, found none below '
            ~ (upstream | join(', ') or 'it') ~ '. Next: name upstream models that read a landing table'
        ) }}
    {% endif %}
    {% if upstream_of | length > 1 and config.get('incremental_strategy') == 'replace_partitions' %}
        {{ exceptions.raise_compiler_error(
            'model ' ~ this.identifier ~ ': expected one source with a contract, because its rows know their partition by the'
            ~ ' start alone; found ' ~ upstream_of | join(', ') ~ '. Next: build one model for each source and join them in a'
            ~ ' feature view, or in a model that is materialized as a table'
        ) }}
    {% endif %}
    {% set statement %}
        with loads as (
            select contract_source, partition_start, partition_end, load_id, source
            from ops.current_loads
            where
                contract_source = any({{ text_array(upstream_of | list) }})
                -- What was built of records that retention removed stays as it is.
                and expired_at is null
        ),

        versions as (
            {% if upstream %}
            {% for contract_source, models in upstream_of.items() %}
            select
                source as contract_source,
                partition_start,
                string_agg(model || ':' || version, '/' order by model) as upstream_version
            from ops.built_partitions
            where source = '{{ contract_source }}' and model = any({{ text_array(models) }})
            group by source, partition_start
            -- Never more. Of `=` the planner expects one row, and goes through all loads for each of a history's.
            having count(*) >= {{ models | length }}
            {{ 'union all' if not loop.last }}
            {% endfor %}
            {% else %}
            select contract_source, partition_start, load_id::text as upstream_version from loads
            {% endif %}
        ),

        built as (
            select source as contract_source, partition_start, upstream_version
            from ops.built_partitions
            where model = '{{ this.identifier }}' {{ '' if is_incremental() else 'and false' }}
        )

        select
            contract_source,
            {{ iso_text('partition_start') }} as partition_start,
            {{ iso_text('partition_end') }} as partition_end,
            load_id,
            source,
            versions.upstream_version,
            built.partition_start is not null as was_built
        from loads
        inner join versions using (contract_source, partition_start)
        left join built using (contract_source, partition_start)
        where
            built.upstream_version is distinct from versions.upstream_version
            {% if extra and is_incremental() %}
            or partition_start in ({{ extra }})
            {% endif %}
        order by loads.partition_start, contract_source
    {% endset %}
    {{ return(run_query(statement).rows) }}
{%- endmacro %}

{# Models by the sources with a contract that they rest on: {source: [names]}. #}
{% macro models_by_source(names) -%}
    {% set found = {} %}
    {% for node in (graph.nodes or {}).values() if node.resource_type == 'model' and node.alias in names %}
        {% for source_name in sources_of(node.unique_id) %}
            {% do found.setdefault(source_name, []).append(node.alias) %}
        {% endfor %}
    {% endfor %}
    {{ return(found) }}
{%- endmacro %}
