<# Template of models/features/NAME.sql. Values: declared (the declaration), keys ({column: type}). #>
{%- set declared = {
    'events': {<% for name, relation in declared.events.items() %>'${name}': '${relation}'<% endfor %>},
    'keys': [<% for key in keys %>'${key}'${", " if not loop.last}<% endfor %>],
    'at': '${declared.at}',
    'resolution': '${declared.resolution}',
    'windows': [<% for window in declared.windows %>'${window}'${", " if not loop.last}<% endfor %>],
    'measures': {
<% for name, measure in declared.measures.items() %>
        '${name}': {
            'operations': [<% for operation in measure.operations %>'${operation}'${", " if not loop.last}<% endfor %>],
<% for part in ("of", "where") if measure[part] is defined %>
            '${part}': ${measure[part] | jinja},
<% endfor %>
        },
<% endfor %>
    },
} %}
{{ config(
    incremental_strategy='replace_changed_rows',
    unique_key=declared['keys'] + ['as_of'],
    indexes=[{'columns': ['as_of']}],
    meta={'feature_view': declared},
) }}

{{ feature_view(declared) }}
