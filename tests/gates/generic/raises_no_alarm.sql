{#
    Of monitoring.model_alarms: no figure of a served model's day is one of these alarms. Looks at the days with answers that it has not
    judged, and at a champion's day without any. Days are literals, which PostgreSQL takes into the views below; so others are not read.

    Args:
        alarms: names of alarms.
#}
{% test raises_no_alarm(model, alarms) %}

    {%- set unjudged = uncertified('model_traffic') %}
    {%- set days = [] %}
    {%- if execute and not is_dry_run() and unjudged != 'true' %}
        {%- for row in run_query('select distinct day::text as day from ' ~ ref('model_traffic') ~ ' where ' ~ unjudged).rows %}
            {%- do days.append("date '" ~ row.day ~ "'") %}
        {%- endfor %}
        {%- do days.append("(now() at time zone 'UTC')::date - 1") %}
    {%- endif %}

    select * from {{ model }}
    where
        alarm in ('{{ alarms | join("', '") }}')
        {%- if days %}
        and day in ({{ days | join(', ') }})
        {%- endif %}

{% endtest %}
