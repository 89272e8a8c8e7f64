{# Which of the schema generations of GitHub's events a landed record is in. Webhook deliveries have identities that
   start with webhook: . Landing gives records without an id of their own an identity that starts with md5: ; only the
   timeline has those, and only until it ended in 2015. Before it, some records with an id have older payloads
   (events_early), and of some the account or the repository was gone (events_unlinked); what they are is seen in the
   record, which records of later years need not be unpacked for.
   Use: {{ gharchive_schema_generation('events') }} #}
{% macro gharchive_schema_generation(landed) -%}
    case
        when {{ landed }}.record_id like 'webhook:%' then 'webhooks'
        when {{ landed }}.recorded_at >= timestamptz '2025-10-07T00:00:00Z' then 'events_slim'
        when
            {{ landed }}.recorded_at < timestamptz '2015-01-02T00:00:00Z' and {{ landed }}.record_id like 'md5:%'
            then 'timeline'
        when {{ landed }}.recorded_at < timestamptz '2011-01-01T00:00:00Z' then 'events'
        when
            {{ landed }}.recorded_at < timestamptz '2015-01-01T00:00:00Z'
            and {{ landed }}.record @? '{{ gharchive_early_payload() }}'
            then 'events_early'
        when
            {{ landed }}.recorded_at < timestamptz '2015-01-01T00:00:00Z'
            and {{ landed }}.record @@ '!exists($.repo.id ? (@ != null)) || !exists($.actor.id ? (@ != null))'
            then 'events_unlinked'
        else 'events'
    end
{%- endmacro %}

{# A jsonpath of what only payloads before those of 2015 hold: commits as arrays, numbers where objects came later,
   pull requests without an outcome. #}
{% macro gharchive_early_payload() -%}
    $.payload ? (
        exists(@.shas) || exists(@.object) || exists(@.issue_id) || exists(@.comment_id)
        || @.issue.type() == "number" || @.forkee.type() == "number"
        || exists(@.pull_request) && !exists(@.pull_request.state)
        && !exists(@.pull_request.merged) && !exists(@.pull_request.created_at)
    )
{%- endmacro %}
