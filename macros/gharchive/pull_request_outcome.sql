{# What a PullRequestEvent says happened, alike in all generations: opened, merged, rejected, or null.
   Until October 2025 a merge is `closed` with merged true; since then it is an action of its own. #}
{% macro pull_request_outcome(action, merged) -%}
    case
        when {{ action }} = 'opened' then 'opened'
        when {{ action }} = 'merged' or ({{ action }} = 'closed' and {{ merged }}) then 'merged'
        when {{ action }} = 'closed' then 'rejected'
    end
{%- endmacro %}
