{# Which of the schema generations of GitHub's events a landed record is in. Webhook deliveries have identities that
   start with webhook: . Landing gives records without an id of their own an identity that starts with md5: ; only the
   timeline has those, and only until it ended in 2015.
   Use: {{ gharchive_schema_generation('events') }} #}
{% macro gharchive_schema_generation(landed) -%}
    case
        when {{ landed }}.record_id like 'webhook:%' then 'webhooks'
        when {{ landed }}.recorded_at >= timestamptz '2025-10-07T00:00:00Z' then 'events_slim'
        when
            {{ landed }}.recorded_at < timestamptz '2015-01-02T00:00:00Z' and {{ landed }}.record_id like 'md5:%'
            then 'timeline'
        else 'events'
    end
{%- endmacro %}
