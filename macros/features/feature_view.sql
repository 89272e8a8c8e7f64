{#
    The body of a declared feature view: its values at every instant where one can change, from events of one source or several.
    A row at as_of covers as_of - window <= time of the event < as_of. What windows slide over is summed from what enters
    and what leaves, so a row costs the same however much its windows hold; medians and quantiles are sorted anew. When
    partitions are added, only the stretches of time that they touch are computed.

    Args:
        declared: the declaration, which the model's meta holds as `feature_view`; docs/feature_views.md describes it.

    Use, as the whole of a model below its config: {{ feature_view(declared) }}
#}
{% macro feature_view(declared) -%}
    {%- if canonical_mode() -%}
        {{- return(meant_by(declared)) -}}
    {%- endif -%}
    {%- set view = normal_declaration(declared) -%}
    {#- Asked once: each answer costs statements. -#}
    {%- do view.update({'adds': is_incremental()}) -%}
    {%- set upstream = declared.events.values() | unique | list -%}
    {%- set partitions = stale_partitions(upstream) -%}
{{ builds(partitions) }}

with {% if view.adds -%}
{{ touched_stretches(view, partitions) }},

{% endif -%}
{%- for name in view.events -%}
{{ name }}_events as (

    {{ view_events(name, view, partitions) }}

),

{{ name }}_entries as (

    {{ view_entries(name, view) }}

),

{% endfor -%}
{{ view_ticks(view) }}

{% if view.is_carried -%}
{{ carried_windows(view) }}
{%- else -%}
{{ view_timeline(view) }},

{{ slid_windows(view) }}
{%- endif %}
{%- if view.expressions %},

measured as (
{%- endif %}

select
    {{ view.entity | join(',\n    ') }},
    as_of
    {%- for column in view.columns %},
    {{ measured_value(column) }} as {{ column.name }}
    {%- endfor %}
from slid
{%- for name in view.events %}
{{- sorted_values(name, view) }}
{%- endfor %}
{%- if view.adds %}
where as_of between range_start and range_end
{%- endif %}
{%- if view.expressions %}

)

select
    *
    {%- for name, expression in view.expressions.items() %},
    {{ expression }} as {{ name }}
    {%- endfor %}
from measured
{%- endif %}
{%- endmacro %}

{#
    What a declared feature view means, in place of what it is built by wherever a model tells its definition: the SQL that
    recounts it. So another way to the same values is no other definition, and every argument that a value follows from has a part
    in it. Databases hold what it gave them: where its text changes, every declared view is redefined.

    Args:
        declared: the declaration.
        version: raised where views have to be built again though the recount stays as it is: their values were others, or
            what they keep beside their rows has another form.
#}
{% macro meant_by(declared, version=1) -%}
    {{- recount_statement(declared) }}
    {%- if version > 1 %}
where {{ version }} > 1
    {%- endif %}
{%- endmacro %}

{# Of partitions those of the sources that events rest on; all in a unit test, where dbt knows no sources. #}
{% macro partitions_of(events, partitions) -%}
    {%- if not events.sources -%}
        {{- return(partitions) -}}
    {%- endif -%}
    {{- return(partitions | selectattr('contract_source', 'in', events.sources) | list) -}}
{%- endmacro %}

{# A length of time for SQL. Use: {{ seconds_interval(3600) }} #}
{% macro seconds_interval(seconds) -%}
    interval '{{ seconds }} seconds'
{%- endmacro %}

{# The first as_of that covers an event at the given instant: as_of stands at multiples of the resolution.
   Use: {{ first_as_of('recorded_at', view) }} as as_of #}
{% macro first_as_of(instant, view) -%}
    date_bin({{ seconds_interval(view.resolution) }}, {{ instant }}, timestamptz '1970-01-01 00:00:00+00')
        + {{ seconds_interval(view.resolution) }}
{%- endmacro %}
