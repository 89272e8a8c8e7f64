{#
    A post-hook: records what the current model was built from, when it has built anything. Its definition is a hash of its
    own canonical SQL and of the definitions of what it reads, as they stand: so it says what built a partition down to
    the landed records. The contract has no part in it: see ops.contracts. Of a declared feature view it is what the view means.
#}
{% macro record_definition() -%}
    {%- set builds_partitions = model.config.materialized == 'incremental' -%}
    {%- if execute and not is_dry_run() and (built_by(model.compiled_code or '') or not builds_partitions) -%}
    {%- set found = definition() -%}
    {%- set declared = (model.config.meta or {}).feature_view -%}
    with upstream as (
        select coalesce(jsonb_object_agg(model, definition), '{}') as definitions
        from ops.deployed_models
        where model = any({{ text_array(found.upstream) }})
    ),

    defined as (
        insert into ops.model_definitions (
            definition, model, first_sql, next_sql, settings, upstream, seeds, recount
        )
        select
            md5(concat_ws(
                '/', '{{ local_md5(found.first_sql ~ found.next_sql ~ found.settings ~ found.seeds) }}',
                upstream.definitions
            )),
            '{{ this.identifier }}',
            {{ quoted_text(found.first_sql) }},
            {{ quoted_text(found.next_sql) if found.next_sql != found.first_sql else 'null' }},
            '{{ found.settings }}',
            upstream.definitions,
            '{{ found.seeds }}',
            {{ quoted_text(recount_statement(declared)) if declared else 'null' }}
        from upstream
        on conflict (definition) do update set last_built_at = excluded.last_built_at, recount = excluded.recount
        returning definition
    )

    insert into ops.deployed_models (model, relation_schema, materialized, definition)
    select '{{ this.identifier }}', '{{ this.schema }}', '{{ model.config.materialized }}', definition from defined
    on conflict (model) do update set
        relation_schema = excluded.relation_schema,
        materialized = excluded.materialized,
        definition = excluded.definition,
        built_at = excluded.built_at
    {%- endif -%}
{%- endmacro %}

{# Text as an SQL literal. #}
{% macro quoted_text(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}
