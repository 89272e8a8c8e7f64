<# Template of models/features/NAME.sql. Values: declared (the declaration), keys ({column: type}). #>
{%- set declared = {
    'events': {<% for name, relation in declared.events.items() %>'${name}': '${relation}'${", " if not loop.last}<% endfor %>},
    'keys': [<% for key in keys %>'${key}'${", " if not loop.last}<% endfor %>],
<% if declared.event_keys %>
    'event_keys': {
<% for name, keys in declared.event_keys.items() %>
        '${name}': [<% for key in keys %>'${key}'${", " if not loop.last}<% endfor %>],
<% endfor %>
    },
<% endif %>
<% if declared.at is mapping %>
    'at': {<% for name, column in declared.at.items() %>'${name}': '${column}'${", " if not loop.last}<% endfor %>},
<% else %>
    'at': '${declared.at}',
<% endif %>
    'resolution': '${declared.resolution}',
    'windows': [<% for window in declared.windows %>'${window}'${", " if not loop.last}<% endfor %>],
    'measures': {
<% for name, measure in declared.measures.items() %>
        '${name}': {
            'operations': [<% for operation in measure.operations %>'${operation}'${", " if not loop.last}<% endfor %>],
<% for part in ("events", "of", "where") if measure[part] is defined %>
            '${part}': ${measure[part] | jinja},
<% endfor %>
        },
<% endfor %>
    },
<% if declared.expressions %>
    'expressions': {
<% for name, sql in declared.expressions.items() %>
        '${name}': ${sql | jinja},
<% endfor %>
    },
<% endif %>
} %}
{{ config(
    incremental_strategy='replace_changed_rows',
    unique_key=declared['keys'] + ['as_of'],
    indexes=[{'columns': ['as_of']}],
    meta={'feature_view': declared},
) }}

{{ feature_view(declared) }}
