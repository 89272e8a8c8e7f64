{# What a PullRequestEvent says happened, alike in all generations: opened, merged, rejected, or null.
   Until October 2025 a merge is `closed` with merged true; since then it is an action of its own. What early events
   closed was merged or not: the payload does not say, and so it is neither. #}
{% macro pull_request_outcome(action, merged, schema_generation) -%}
    case
        when {{ action }} = 'opened' then 'opened'
        when {{ action }} = 'merged' or ({{ action }} = 'closed' and {{ merged }}) then 'merged'
        when {{ schema_generation }} = 'events_early' and {{ merged }} is null then null
        when {{ action }} = 'closed' then 'rejected'
    end
{%- endmacro %}
