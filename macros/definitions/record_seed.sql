{# A post-hook of seeds: records what stands in this version of the file, so that a later one can be compared with it by the
   columns that models read. #}
{% macro record_seed() -%}
    insert into ops.seed_contents (checksum, seed, rows)
    select '{{ model.checksum.checksum }}', '{{ this.identifier }}', coalesce(jsonb_agg(to_jsonb(seed)), '[]')
    from {{ this }} as seed
    on conflict (checksum) do nothing
{%- endmacro %}
