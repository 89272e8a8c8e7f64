{#
    Raw events with what the sampled account has to do with them: the body of a CTE. An event that an account did and a
    pull request of its own are counted apart, so one that is both stands twice. Where the payload names no author, the
    author is the one of the typed layer, by whom the event was found.

    Args:
        own: name of a CTE with the raw events that the account did.
        authored: name of a CTE with the raw events of pull requests that are the account's.
#}
{% macro raw_by_role(own, authored) -%}
    select
        own.*,
        true as is_own,
        false as is_authored
    from {{ own }} as own
    union all
    select
        authored.*,
        false as is_own,
        coalesce(authored.author_id = sampled.actor_id, true) as is_authored
    from {{ authored }} as authored
    inner join sampled on authored.sample_id = sampled.sample_id
{%- endmacro %}
