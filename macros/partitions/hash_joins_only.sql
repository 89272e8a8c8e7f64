{# A pre-hook of models that join what was written a moment ago. PostgreSQL has no statistics yet of a new partition,
   expects one row, and would join ten thousand in nested loops, or sort whole records to merge them. What has to be
   looked up row by row is written as a lateral or scalar subquery, which this leaves alone. Nor are the many expressions of a
   model compiled, which takes longer than they do on a partition. Nor do workers take part: they would sort whole records and hand
   them on for a check that the leader does all the same, three times the work, while other models keep the cores busy.
   Times without a zone are UTC in every session, also in one that dbt opened without the environment of `headgate env`. #}
{% macro hash_joins_only() -%}
    set local timezone = 'UTC';
    set local enable_nestloop = off;
    set local enable_mergejoin = off;
    set local max_parallel_workers_per_gather = 0;
    set local jit = off
{%- endmacro %}
