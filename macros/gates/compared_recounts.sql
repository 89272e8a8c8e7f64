{#
    Each sampled row's key with what the recount expects and what the row has, as JSON: the body of a CTE. What was not
    recounted is left out. Asks for CTEs `sampled` and `recounted`, see the macros of these names.

    Args:
        keys: key columns of the feature view, for instance ['customer_id'].
#}
{% macro compared_recounts(keys) -%}
    select
        {%- for key in keys %}
        sampled.{{ key }},
        {%- endfor %}
        sampled.as_of,
        to_jsonb(recounted) - 'sample_id' as expected,
        (
            select jsonb_object_agg(entry.key, entry.value)
            from jsonb_each(to_jsonb(sampled)) as entry
            where to_jsonb(recounted) ? entry.key and entry.key <> 'sample_id'
        ) as found
    from sampled
    inner join recounted on sampled.sample_id = recounted.sample_id
{%- endmacro %}
