{# SELECT of each pull request's first opening, from the outcomes of pull requests: a spine of them begins with it. #}
{% macro first_openings(outcomes) -%}
    select distinct on (pull_request_id)
        event_id,
        pull_request_id,
        repository_id,
        author_id as actor_id,
        created_at as opened_at
    from {{ outcomes }}
    where outcome = 'opened'
    order by pull_request_id, created_at, event_id
{%- endmacro %}
