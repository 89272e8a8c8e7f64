{#
    The events that a feature view is computed from, with what is measured of each: the body of a CTE. Those of the built
    partitions, or, where partitions are added, those that enter or leave a window in the touched stretches, or, of views that
    are not carried on, all that these look back on. An event without a key or a time belongs to nobody.

    Args:
        name: of the events in the declaration, for instance 'orders'.
        view: what normal_declaration() returned.
        partitions: what stale_partitions() returned.
#}
{% macro view_events(name, view, partitions) -%}
    {%- set events = view.events[name] -%}
    {%- if view.adds -%}
    select
        held.*,
        touched.range_start,
        touched.range_end
    from touched
    {%- if view.is_carried %}
    cross join lateral unnest(touched.read_from) as entering_or_leaving (stretch)
    {%- endif %}
    cross join lateral (
        {{ events_of_entity(name, view, 'touched') }}
            {%- if view.is_carried %}
            source_events.{{ events.at }} >= lower(entering_or_leaving.stretch)
            and source_events.{{ events.at }} < upper(entering_or_leaving.stretch)
            {%- else %}
            source_events.{{ events.at }} < touched.range_end
            {%- if view.longest %}
            and source_events.{{ events.at }} >= touched.range_start - {{ seconds_interval(view.longest + view.resolution) }}
            {%- endif %}
            {%- endif %}
        offset 0
    ) as held
    {%- else -%}
    select
        {{ measured_columns(name, view) }},
        timestamptz '-infinity' as range_start,
        timestamptz 'infinity' as range_end
    from {{ events.relation }} as source_events
    where {{ belongs_to_an_entity(events) }} and {{ in_partitions(partitions_of(events, partitions)) }}
    {%- endif %}
{%- endmacro %}

{# The events of the entity that a row is of, for a lateral subquery; what limits their time follows. #}
{% macro events_of_entity(name, view, row) -%}
    {%- set events = view.events[name] -%}
    select {{ measured_columns(name, view) }}
        from {{ events.relation }} as source_events
        where
            {%- for key in view.entity %}
            source_events.{{ events['keys'][loop.index0] }} = {{ row }}.{{ key }}
            and
            {%- endfor %}
{%- endmacro %}

{# What a feature view reads of an event: key, time and what is measured. #}
{% macro measured_columns(name, view) -%}
    {%- set events = view.events[name] -%}
    {%- for key in view.entity -%}
    source_events.{{ events['keys'][loop.index0] }} as {{ key }}, {% endfor -%}
    source_events.{{ events.at }} as event_at
        {%- for measure in view.measures if measure.events == name %},
            {{ measure.of }} as of_{{ measure.name }}
        {%- endfor %}
{%- endmacro %}

{# A condition: the event has a time and a whole key. #}
{% macro belongs_to_an_entity(events) -%}
    num_nulls(source_events.{{ (events['keys'] + [events.at]) | join(', source_events.') }}) = 0
{%- endmacro %}

{# Events summed up by the as_of that covers them first: the body of a CTE. #}
{% macro view_entries(name, view) -%}
    select
        {{ view.entity | join(', ') }},
        range_start,
        range_end,
        {{ first_as_of('event_at', view) }} as as_of
        {%- for measure in view.measures if measure.events == name %}
        {%- for part, aggregate in value_parts(measure).items() %},
        {{ aggregate.replace('%s', 'of_' ~ measure.name) }} as {{ measure.name }}__{{ part }}
        {%- endfor %}
        {%- endfor %}
    from {{ name }}_events
    group by {{ view.entity | join(', ') }}, range_start, range_end, as_of
{%- endmacro %}
