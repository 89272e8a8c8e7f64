{#
    What a feature view has to compute in this run.

    Args:
        upstream: name of the activity model that the view is computed from.

    Returns
        partitions: the changed partitions, as stale_partitions() gives them
        rebuilt: the stretches of time of those that were built before, as disjoint (start, end) pairs
        processed_from, processed_to: as_of up to which values stood before, and up to which they will stand now
            (ISO text, UTC; processed_from is none when nothing stood)
        changed_from: no value at or before this instant can change (none: all can)
        time_tolerance_hours: how far an event may lie outside the partition that delivered it
#}
{% macro feature_batch(upstream) -%}
    {% set partitions = stale_partitions([upstream]) %}
    {% set contract_paths = ref('contract_paths') %}
    {% set statement %}
        with reached as (
            -- By the events of each source, whenever they landed.
            select built.model, loads.contract_source, max(loads.reaches_to) as reaches_to
            from ops.built_partitions as built
            -- A partition that was emptied because its load was discarded has a negative number.
            inner join ops.loads as loads on built.load_id = loads.load_id
            where built.model in ('{{ this.identifier }}', '{{ upstream }}')
            group by built.model, loads.contract_source
        ),

        bounds as (
            select
                min(reaches_to) filter (where model = '{{ this.identifier }}') as processed_from,
                min(reaches_to) filter (where model = '{{ upstream }}') as processed_to
            from reached
        ),

        tolerance as (
            {% if execute and load_relation(contract_paths) %}
            select max(time_tolerance_hours) as hours from {{ contract_paths }}
            {% else %}
            select 0 as hours
            {% endif %}
        )

        select
            {{ iso_text('bounds.processed_from') }} as processed_from,
            {{ iso_text('bounds.processed_to') }} as processed_to,
            {{ iso_text(
                "least(bounds.processed_from, "
                ~ ("timestamptz '" ~ partitions[0].partition_start ~ "'" if partitions else 'null::timestamptz')
                ~ " - make_interval(hours => tolerance.hours))"
            ) }} as changed_from,
            tolerance.hours as time_tolerance_hours
        from bounds
        cross join tolerance
    {% endset %}
    {% if canonical_mode() %}
        {% set bounds = {'processed_from': '-infinity', 'processed_to': 'infinity', 'changed_from': '-infinity'} %}
    {% else %}
        {% set bounds = run_query(statement).rows[0] if execute else {} %}
    {% endif %}
    {{ return({
        'partitions': partitions,
        'rebuilt': disjoint_stretches(partitions | selectattr('was_built') | list),
        'processed_from': bounds.processed_from if is_incremental() else none,
        'processed_to': bounds.processed_to or '-infinity',
        'changed_from': (bounds.changed_from or '-infinity') if is_incremental() else none,
        'time_tolerance_hours': bounds.time_tolerance_hours or 0,
    }) }}
{%- endmacro %}

{# The stretches of time that partitions cover, as few as there can be: a delivery may rebuild hundreds of loads.
   Returns (start, end) pairs in order. #}
{% macro disjoint_stretches(partitions) -%}
    {% set stretches = [] %}
    {% for partition in partitions | sort(attribute='partition_start') %}
        {% if stretches and partition.partition_start <= stretches[-1][1] %}
            {% set start, end = stretches.pop() %}
            {% do stretches.append((start, [end, partition.partition_end] | max)) %}
        {% else %}
            {% do stretches.append((partition.partition_start, partition.partition_end)) %}
        {% endif %}
    {% endfor %}
    {{ return(stretches) }}
{%- endmacro %}

{# An instant as ISO text in UTC, to the microsecond. Use: {{ iso_text('loads.partition_end') }} #}
{% macro iso_text(instant) -%}
    to_char({{ instant }} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
{%- endmacro %}
