{#
    A declaration with everything spelled out.

    Returns
        entity: columns of the entity key
        resolution: seconds between two instants at which as_of can stand
        windows: [{name, seconds}] of all measures; seconds is none for the lifetime
        longest: seconds of the longest window, none with a lifetime
        events: {name: {relation, sources, at, keys}}; sources: those with a contract that it rests on, at: SQL of the
            event's time, keys: SQL of what makes the entity key there
        measures: [{name, events, value, where, of, operations, type, windows}]; of: SQL of what is measured, null where the
            condition does not hold; type: to which values are cast, or none
        columns: [{name, measure, operation, window}]
        expressions: {name: SQL over the other columns}
        is_carried: see is_carried()
#}
{% macro normal_declaration(declared) -%}
    {%- set events = {} -%}
    {%- for name, relation_name in declared.events.items() -%}
        {%- set sources = models_by_source([relation_name]) | list if execute else [] -%}
        {%- if sources | length > 1 -%}
            {{ exceptions.raise_compiler_error(
                'events ' ~ name ~ ': expected a model that rests on one source with a contract; found ' ~ relation_name
                ~ ', which rests on ' ~ sources | join(', ') ~ '. Next: name the staging model of each source'
            ) }}
        {%- endif -%}
        {%- do events.update({name: {
            'relation': ref_relation(relation_name),
            'sources': sources,
            'at': declared.at[name] if declared.at is mapping else declared.at,
            'keys': (declared.get('event_keys') or {}).get(name) or declared['keys'],
        }}) -%}
    {%- endfor -%}
    {%- set measures, windows, columns = [], [], [] -%}
    {%- for name, measure in declared.measures.items() -%}
        {%- set of = measure.get('of') or 'true' -%}
        {%- set spelled = {
            'name': name,
            'events': measure.get('events') or (events | first),
            'value': of,
            'where': measure.get('where'),
            'of': 'case when ' ~ measure.where ~ ' then ' ~ of ~ ' end' if measure.get('where') else of,
            'operations': measure.operations,
            'type': measure.get('type'),
            'windows': [],
        } -%}
        {%- do measures.append(spelled) -%}
        {%- for window_name in measure.get('windows') or declared.windows -%}
            {%- set window = {'name': window_name, 'seconds': window_seconds(window_name)} -%}
            {%- do spelled.windows.append(window) -%}
            {%- do windows.append(window) if window not in windows -%}
        {%- endfor -%}
        {%- for operation in measure.operations -%}
            {%- for window in spelled.windows -%}
                {%- do columns.append({
                    'name': column_name(name, measure.get('as'), operation, window.name),
                    'measure': spelled,
                    'operation': operation,
                    'window': window,
                }) -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    {%- set seconds = windows | map(attribute='seconds') | list -%}
    {{- return({
        'entity': declared['keys'],
        'resolution': window_seconds(declared.get('resolution') or '1h'),
        'windows': windows,
        'longest': none if none in seconds else seconds | max,
        'events': events,
        'measures': measures,
        'columns': columns,
        'expressions': declared.get('expressions') or {},
        'is_carried': is_carried(columns),
    }) -}}
{%- endmacro %}

{# The column of a value. What a measure names itself has no operation in it, and over the lifetime no window.
   Use: {{ column_name('total', none, 'sum', '7d') }} is total_sum_7d #}
{% macro column_name(measure, own_name, operation, window) -%}
    {%- if not own_name -%}
        {{- return(measure ~ '_' ~ operation ~ '_' ~ window) -}}
    {%- endif -%}
    {{- return(own_name if window == 'lifetime' else own_name ~ '_' ~ window) -}}
{%- endmacro %}

{# Seconds of a window or resolution such as 5m, 1h, 7d; none for the lifetime. #}
{% macro window_seconds(name) -%}
    {%- if name == 'lifetime' -%}
        {{- return(none) -}}
    {%- endif -%}
    {{- return((name[:-1] | int) * {'m': 60, 'h': 3600, 'd': 86400}[name[-1]]) -}}
{%- endmacro %}

{# The share of values that lie below what an operation gives: 0.5 for median, 0.9 for p90; none for others. #}
{% macro quantile_of(operation) -%}
    {%- if operation == 'median' -%}
        {{- return(0.5) -}}
    {%- elif modules.re.match('p[1-9][0-9]?$', operation) -%}
        {{- return((operation[1:] | int) / 100) -}}
    {%- endif -%}
    {{- return(none) -}}
{%- endmacro %}
