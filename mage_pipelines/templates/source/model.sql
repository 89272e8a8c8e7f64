<# Template of a staging model. Values: name, entity, kind (empty: all records), key, groups ([(group, [(expression,
   column)])]), laterals (with call, alias, columns), elements (SQL of the elements of the array that its rows are;
   empty: records). #>
{{ config(
    indexes=[
        {'columns': ['partition_start']},
        {'columns': [<% for column in key %>'${column}'${", " if not loop.last}<% endfor %>], 'unique': true},
    ],
    pre_hook=hash_joins_only(),
) }}

{%- set partitions = stale_partitions(['stg_${name}__deliveries'], source_name='${name}') %}
{{ builds(partitions) }}

with records as (

    {{ kept_records('${name}', '${entity}', partitions<% if kind %>, [${kind | jinja}]<% endif %>) }}

),

typed as (

    select
<% for group, columns in groups %>
        -- ${group}
<% set last_group = loop.last %>
<% for expression, column in columns %>
        ${expression}${" as " ~ column if column}${"," if not (last_group and loop.last)}
<% endfor %>
<% if not loop.last %>

<% endif %>
<% endfor %>
    from records
<% for item in laterals %>
<% if (item.call ~ item.alias ~ item.columns | join(", ")) | length < 70 %>
    cross join lateral {{ ${item.call} }} as ${item.alias} (${item.columns | join(", ")})
<% else %>
    cross join
        lateral {{ ${item.call} }}
            as ${item.alias} (
<% for column in item.columns %>
                ${column}${"," if not loop.last}
<% endfor %>
            )
<% endif %>
<% endfor %>
<% if elements %>
    where jsonb_typeof(${elements}) = 'object'
<% endif %>

)

select * from typed
