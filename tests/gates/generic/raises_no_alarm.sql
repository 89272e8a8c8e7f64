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

    {%- set judged %}
        select * from {{ model }}{% if days %} where day in ({{ days | join(', ') }}){% endif %}
    {%- endset %}
    {#- Planning the view takes longer than all else: it is asked once for all gates. #}
    {%- set raised = alarms %}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'test') %}
        {%- set statement = 'select distinct alarm from (' ~ judged ~ ') as judged' %}
        {%- set raised = once(statement, statement) | map(attribute='alarm') | select('in', alarms) | list %}
    {%- endif %}

    {% if raised %}
    select * from ({{ judged }}) as judged where alarm in ('{{ raised | join("', '") }}')
    {% else %}
    select null::date as day where false
    {% endif %}

{% endtest %}
