{#
    Served values against the history of the feature store, a row per answer and view: the body of a CTE. `is_differing`: other
    values than the row at the served as_of; `is_unknown`: the release has no row there; `is_behind`: it has a newer one, so an
    online table was stale. Releases that were compacted since are left out, for their rows are gone; so are all answers where the
    contract of the log replaces or drops the key.

    Args:
        served: name of a CTE with rows of model_sample, and as_of and features of the answer.
        partitions: those being built.
#}
{% macro served_against_store(served, partitions) -%}
    {%- for view in views_served(partitions) %}
    {%- set release = served ~ '.release_id' %}
    {%- set visible = 'history.valid_from_release <= ' ~ release ~ ' and (history.valid_to_release is null or history.valid_to_release > ' ~ release ~ ')' %}
    {%- set keys = [] %}
    {%- for key in view['keys'] %}
        {%- set part = key_part(served ~ '.key', view.key_names.index(key.name) + 1, view.key_names | length) %}
        {%- do keys.append(is_key('history.' ~ adapter.quote(key.name), part, key.type)) %}
    {%- endfor %}
    {%- set differing = [] %}
    {%- set absent = [] %}
    {%- for given in view.inputs %}
        {%- set value = served ~ '.features -> ' ~ quoted_text(given.input) %}
        {%- do differing.append(is_other_than_held(value, 'held.' ~ adapter.quote(given.stored_as), given.type)) %}
        {%- do absent.append('coalesce(' ~ served ~ '.features ->> ' ~ quoted_text(given.input) ~ ", '') = ''") %}
    {%- endfor %}
    {%- set history = 'feature_store.' ~ adapter.quote(view.name ~ '_history') %}
    {{ 'union all' if not loop.first }}
    select
        {{ served }}.partition_start,
        {{ served }}.day,
        {{ served }}.model,
        {{ served }}.version,
        {{ served }}.release_id,
        {{ quoted_text(view.name) }} as view,
        held.as_of is null and places.as_of is not null as is_unknown,
        held.as_of is not null and ({{ differing | join(' or ') or 'false' }}) as is_differing,
        newest.as_of is not null
        and newest.as_of is distinct from places.as_of
        -- A request may bring its own features; then nothing was read, and all are there without an as_of.
        and (places.as_of is not null or ({{ absent | join(' and ') or 'true' }})) as is_behind
    from {{ served }}
    cross join lateral (select ({{ served }}.as_of ->> {{ quoted_text(view.name) }})::timestamptz as as_of) as places
    left join lateral (
        select history.* from {{ history }} as history
        where {{ keys | join(' and ') }} and history.as_of = places.as_of and {{ visible }}
        limit 1
    ) as held on true
    left join lateral (
        select history.as_of from {{ history }} as history
        where {{ keys | join(' and ') }} and {{ visible }}
        order by history.as_of desc
        limit 1
    ) as newest on true
    where
        {{ served }}.model = {{ quoted_text(view.model) }}
        and {{ served }}.version = {{ view.version }}
        and {{ served }}.release_id in ({{ view.releases | join(', ') }})
    {%- else %}
    select
        *,
        null::text as view,
        null::boolean as is_unknown,
        null::boolean as is_differing,
        null::boolean as is_behind
    from {{ served }}
    where false
    {%- endfor %}
{%- endmacro %}

{# Whether a column of the history has the value that an answer's key tells as text. A key that is none of its type finds no row. #}
{% macro is_key(column, part, type) -%}
    {%- if type in ('bigint', 'integer', 'smallint') -%}
    {{ column }} = case
        when {{ part }} ~ '^-?[0-9]{1,19}$' then
            case when {{ part }}::numeric between -9223372036854775808 and 9223372036854775807 then {{ part }}::bigint end
    end
    {%- elif type in ('text', 'character varying') -%}
    {{ column }} = {{ part }}
    {%- else -%}
    {{ column }}::text = {{ part }}
    {%- endif -%}
{%- endmacro %}

{# Whether a served value is another than the store's: of what is neither there nor replaced by privacy it is not known. #}
{% macro is_other_than_held(value, column, type) -%}
    case jsonb_typeof({{ value }})
        -- What is no number in JSON is logged as null.
        when 'null' then {{ column }} is not null and {{ column }}::text not in ('NaN', 'Infinity', '-Infinity')
        {%- if type == 'boolean' %}
        when 'boolean' then ({{ value }})::boolean is distinct from {{ column }}
        {%- elif type in ('text', 'character varying') %}
        when 'string' then ({{ value }} #>> '{}') is distinct from {{ column }}
        {%- elif type == 'bigint' %}
        -- Exactly, or as the float that a model takes it for.
        when 'number' then {{ column }} is null or {{ value }} not in (to_jsonb({{ column }}), to_jsonb({{ column }}::double precision))
        {%- elif type.split('(')[0] in ('smallint', 'integer', 'numeric', 'real', 'double precision') %}
        when 'number' then {{ value }} is distinct from to_jsonb({{ column }}::double precision)
        {%- endif %}
        -- Privacy writes texts.
        else jsonb_typeof({{ value }}) <> 'string'
    end
{%- endmacro %}

{#
    The feature views that the answers of some partitions were served from, by model, version and shape: rows with model,
    version, name, key_names (the parts of an answer's key), keys, inputs and releases.
#}
{% macro views_served(partitions) -%}
    {%- if not (execute and partitions) or canonical_mode() or model.resource_type == 'unit_test' -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set statement %}
        with served as (
            select distinct model, version, release_id
            from {{ ref('model_sample') }}
            where {{ in_partitions(partitions) }} and release_id is not null
        ),

        bound as (
            select
                served.model, served.version, views.view, views.keys, views.columns,
                array_agg(served.release_id order by served.release_id) as releases
            from served
            inner join ops.model_versions as versions using (model, version)
            inner join ops.releases as releases on releases.release_id = served.release_id and releases.status <> 'compacted'
            inner join ops.release_views as views on views.release_id = served.release_id
            where versions.manifest -> 'views' ? views.view
            group by served.model, served.version, views.view, views.keys, views.columns
        )

        select jsonb_build_object(
            'model', bound.model,
            'version', bound.version,
            'name', bound.view,
            'releases', bound.releases,
            'key_names', {{ key_names('versions.manifest') }},
            'keys', (
                select jsonb_agg(jsonb_build_object('name', described ->> 'name', 'type', described ->> 'type'))
                from jsonb_array_elements(bound.columns) as described
                where described ->> 'name' = any(bound.keys)
            ),
            'inputs', (
                select coalesce(jsonb_agg(jsonb_build_object(
                    'input', given ->> 'name', 'type', described ->> 'type', 'stored_as', described ->> 'stored_as'
                )), '[]')
                from jsonb_array_elements(versions.manifest #> '{signature,inputs}') as given
                inner join jsonb_array_elements(bound.columns) as described
                    on given ->> 'name' = bound.view || '__' || (described ->> 'name')
                where given ->> 'view' = bound.view
            )
        )::text as described
        from bound
        inner join ops.model_versions as versions using (model, version)
        where to_regclass('feature_store.' || quote_ident(bound.view || '_history')) is not null
        order by bound.model, bound.version, bound.view
    {%- endset -%}
    {%- set found = [] -%}
    {%- for row in run_query(statement).rows if not is_key_minimised() -%}
        {%- set described = fromjson(row.described) -%}
        {%- if described['keys'] | map(attribute='name') | reject('in', described.key_names) | list == [] -%}
            {%- do found.append(described) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# Whether the contract of the prediction log replaces or drops the key: then no row of the store or of a spine has it. #}
{% macro is_key_minimised() -%}
    {%- for source in graph.sources.values() if source.source_name == 'predictions' and source.config.meta.contract -%}
        {%- for path in source.config.meta.contract.paths if path.path == 'key' and path.pii -%}
            {{ return(true) }}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(false) }}
{%- endmacro %}
