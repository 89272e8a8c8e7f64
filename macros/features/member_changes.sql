{#
    By how much a window's number of distinct members changes at an as_of: a member enters when it was not active in the
    window before, and leaves when it has not been active again since. The body of a CTE; needs the CTEs `activity` and
    `windowed`.

    Args:
        keys, windows: see affected_entities().
        member: column of activity whose distinct values are counted, for instance 'sku'.
        name: name of the count, for instance 'contributors_count'.
#}
{% macro member_changes(keys, windows, member, name) -%}
    select
        {% for key in keys %}{{ key }}, {% endfor %}
        as_of,
        {%- for window, hours in windows.items() %}
        count(*) filter (
            where left_window = 0 and coalesce(neighbour_hour < hour - interval '{{ hours }} hours', true)
        )
        - count(*) filter (
            where left_window = {{ hours }} and coalesce(neighbour_hour > hour + interval '{{ hours }} hours', true)
        ) as {{ name }}_{{ window }}{{ ',' if not loop.last }}
        {%- endfor %}
    from (
        select
            member_hours.*,
            case
                when member_hours.left_window = 0 then (
                    select max(activity.hour) from activity
                    where
                        {% for key in keys %}activity.{{ key }} = member_hours.{{ key }} and {% endfor -%}
                        activity.{{ member }} = member_hours.{{ member }}
                        and activity.hour < member_hours.hour
                        and activity.events_count > 0
                )
                else (
                    select min(activity.hour) from activity
                    where
                        {% for key in keys %}activity.{{ key }} = member_hours.{{ key }} and {% endfor -%}
                        activity.{{ member }} = member_hours.{{ member }}
                        and activity.hour > member_hours.hour
                        and activity.events_count > 0
                )
            end as neighbour_hour
        from (
            select distinct {% for key in keys %}{{ key }}, {% endfor %}{{ member }}, hour, left_window, as_of
            from windowed
            where events_count > 0 and {{ member }} is not null
        ) as member_hours
    ) as neighboured
    group by {% for key in keys %}{{ key }}, {% endfor %}as_of
{%- endmacro %}
