-- No feature row lies after the processed hour, and every hour of activity up to it has its row.
-- Pins down features of the future, and feature views that fall behind the activity they are computed from.
{%- set views = {
    'repository_activity': ['repository_id'],
    'actor_activity': ['actor_id'],
    'contributor_activity': ['actor_id', 'repository_id'],
} %}

with activity as not materialized (

    select * from {{ ref('int_activity__summed_by_hour') }}

),

processed as (

    select max(loads.reaches_to) as processed_to
    from {{ source('headgate', 'loads') }} as loads
    inner join ops.built_partitions as built
        on loads.partition_start = built.partition_start and built.model = 'int_activity__summed_by_hour'
    where loads.contract_source = 'gharchive' and loads.status = 'landed'

)

{% for view, keys in views.items() %}
select
    '{{ view }}' as feature_view,
    'is after the processed hour' as finding,
    features.as_of
from {{ ref(view) }} as features
cross join processed
where features.as_of > processed.processed_to and {{ uncertified(view, 'features.as_of') }}
union all
select
    '{{ view }}' as feature_view,
    'has no row for an hour of activity' as finding,
    missing.as_of
from (
    select
        {% for key in keys %}activity.{{ key }},{% endfor %}
        activity.hour + interval '1 hour' as as_of
    from activity
    cross join processed
    where
        {% for key in keys %}activity.{{ key }} is not null
        and {% endfor -%}
        activity.hour + interval '1 hour' <= processed.processed_to
        and {{ uncertified(view, 'activity.partition_start') }}
    except
    select
        {% for key in keys %}features.{{ key }},{% endfor %}
        features.as_of
    from {{ ref(view) }} as features
    where {{ uncertified(view, 'features.as_of') }}
) as missing
{{ 'union all' if not loop.last }}
{% endfor %}
