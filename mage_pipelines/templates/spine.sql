<# Template of models/training/NAME.sql. Values: events, keys ({name: {column, type}}), at, inputs ({name: {sql, type}}),
   label ({name, sql, type}), seconds (of the horizon; none without one), where. #>
<% if seconds %>
{{ config(pre_hook="{{ events_index('${events}', [<% for key in keys.values() %>'${key.column}', <% endfor %>'${at}']) }}") }}
<% endif %>
{#- Built anew each time: any load may bring an event late. -#}
<% if seconds %>
with instants as (

    select${" distinct" if not inputs}
<% for name, key in keys.items() %>
        ${key.column}${" as " + name if key.column != name},
<% endfor %>
        ${at}${"," if inputs}
<% for name, input in inputs.items() %>
        ${input.sql}${" as " + name if input.sql != name}${"," if not loop.last}
<% endfor %>
    from {{ ref('${events}') }}
    where
        num_nulls(<% for key in keys.values() %>${key.column}, <% endfor %>${at}) = 0
<% if where %>
        and (${where})
<% endif %>

),

known as (

    select max(${at}) as known_to from {{ ref('${events}') }}

),

-- An instant is labelled once all of its horizon is known.
labelled as (

    select
<% for name in keys %>
        instants.${name},
<% endfor %>
        instants.${at},
<% for name in inputs %>
        instants.${name},
<% endfor %>
        later.${label.name}
    from instants
    inner join known on instants.${at} <= known.known_to - interval '${seconds} seconds'
    cross join lateral (
        select ${label.sql} as ${label.name}
        from {{ ref('${events}') }} as events
        where
<% for name, key in keys.items() %>
            events.${key.column} = instants.${name}
            and
<% endfor %>
            events.${at} > instants.${at}
            and events.${at} <= instants.${at} + interval '${seconds} seconds'
    ) as later

)
<% else %>
with labelled as (

    select
<% for name, key in keys.items() %>
        ${key.column}${" as " + name if key.column != name},
<% endfor %>
        ${at},
<% for name, input in inputs.items() %>
        ${input.sql}${" as " + name if input.sql != name},
<% endfor %>
        ${label.sql} as ${label.name}
    from {{ ref('${events}') }}
    where
        num_nulls(<% for key in keys.values() %>${key.column}, <% endfor %>${at}) = 0
<% if where %>
        and (${where})
<% endif %>

)
<% endif %>

select * from labelled
