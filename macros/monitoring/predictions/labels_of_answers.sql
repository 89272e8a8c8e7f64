{#
    The labels of sampled answers, as far as they are known: the body of a CTE with record_id and label, the answers of each
    version whose spine the project names in the variable `label_spines`. An answer has the label of the newest row of the
    spine with its key that is not later than the answer, and at most the declared tolerance older.

    Args:
        sampled: name of a CTE with the answers.
        partitions: those being built.
#}
{% macro labels_of_answers(sampled, partitions) -%}
    {#- While dbt parses, every spine is named once: that is how the model comes to be built after it. -#}
    {%- set spines = {} -%}
    {%- for name in var('label_spines', []) -%}
        {%- set relation = ref(name) -%}
        {%- do spines.update({relation.schema ~ '.' ~ relation.identifier: relation}) -%}
    {%- endfor -%}
    {%- for version in versions_with_labels(partitions) if version.spine in spines %}
    {{ 'union all' if not loop.first }}
    (select distinct on ({{ sampled }}.record_id)
        {{ sampled }}.record_id,
        {%- if version.task == 'multiclass' %}
        -- Whether the likeliest class was it, as the score is its chance.
        (spine.label::text = {{ sampled }}.answer)::integer::double precision as label
        {%- else %}
        -- Of the rows that were found alone: a spine has more of them than a sample.
        {{ number_of_label('spine.label') }} as label
        {%- endif %}
    from {{ sampled }}
    left join (
        select
            {{ key_text(version.columns) }} as key,
            {{ adapter.quote(version.instant) }} as asked_at,
            {{ adapter.quote(version.label) }} as label
        from {{ spines[version.spine] }}
        where
            {{ adapter.quote(version.instant) }} >= timestamptz '{{ version.first_at }}'
            and {{ adapter.quote(version.instant) }} <= timestamptz '{{ version.last_at }}'
    ) as spine
        on
            {{ sampled }}.key = spine.key
            and {{ sampled }}.answered_at >= spine.asked_at
            and {{ sampled }}.answered_at <= spine.asked_at + interval '{{ version.tolerance }} seconds'
    where
        {{ sampled }}.model = {{ quoted_text(version.model) }}
        and {{ sampled }}.version = {{ version.version }}
    order by {{ sampled }}.record_id, spine.asked_at desc)
    {%- else %}
    select
        null::text as record_id,
        null::double precision as label
    where false
    {%- endfor %}
{%- endmacro %}

{# A label as a number, whatever its type: truth is 1, NaN is none (`LABELS` in headgate.model.deployment.evidence). #}
{% macro number_of_label(label) -%}
    nullif(
        case lower({{ label }}::text)
            when 'true' then 1
            when 'false' then 0
            else {{ label }}::text::double precision
        end,
        'NaN'
    )
{%- endmacro %}

{# Versions with answers in some partitions whose loss a label tells, and what their manifests say of it. #}
{% macro versions_with_labels(partitions) -%}
    {%- if not (execute and partitions) or canonical_mode() or model.resource_type == 'unit_test' -%}
        {{ return([]) }}
    {%- endif -%}
    {%- set statement %}
        with sampled as (
            select model, version, min(answered_at) as first_at, max(answered_at) as last_at
            from {{ ref('model_sample') }}
            where {{ in_partitions(partitions) }}
            group by model, version
        ),

        declared as (
            select
                sampled.*,
                versions.task,
                versions.manifest,
                versions.manifest -> 'options' as options,
                {{ label_tolerance('versions.manifest') }} as tolerance
            from sampled
            inner join ops.model_versions as versions using (model, version)
            where
                versions.task in ('binary', 'regression', 'multiclass')
                and versions.manifest #>> '{options,spine}' is not null
                and versions.manifest #>> '{options,label}' is not null
                -- A personal class is logged as a hash, which no label is.
                and (versions.task <> 'multiclass' or versions.manifest #>> '{options,personal,answer}' is null)
        )

        select jsonb_build_object(
            'model', model,
            'version', version,
            'task', task,
            'spine', case when options ->> 'spine' like '%.%' then options ->> 'spine' else 'training.' || (options ->> 'spine') end,
            'instant', options ->> 'instant',
            'label', options ->> 'label',
            'tolerance', tolerance,
            'first_at', {{ iso_text("(first_at - make_interval(secs => tolerance))") }},
            'last_at', {{ iso_text('last_at') }},
            'columns', (
                select jsonb_agg(quote_ident(name) order by place)
                from jsonb_array_elements_text({{ key_names('manifest') }}) with ordinality as names (name, place)
            )
        )::text as described
        from declared
        order by model, version
    {%- endset -%}
    {%- set found = [] -%}
    {%- for row in run_query(statement).rows -%}
        {%- set described = fromjson(row.described) -%}
        {%- if described.columns -%}{%- do found.append(described) -%}{%- endif -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{# The names of the columns that an answer's key is made of, in order, as a JSON array. #}
{% macro key_names(manifest) -%}
    coalesce(
        nullif({{ manifest }} #> '{options,spine_keys}', 'null'),
        (select jsonb_agg(key -> 0) from jsonb_array_elements({{ manifest }} #> '{signature,keys}') as key)
    )
{%- endmacro %}

{# Seconds for which a row of the spine labels later answers: `canary.label_tolerance` of a manifest, an hour unless declared. #}
{% macro label_tolerance(manifest) -%}
    case jsonb_typeof({{ manifest }} #> '{options,canary,label_tolerance}')
        when 'number' then ({{ manifest }} #>> '{options,canary,label_tolerance}')::double precision
        when 'string' then extract(epoch from ({{ manifest }} #>> '{options,canary,label_tolerance}')::interval)::double precision
        else 3600
    end
{%- endmacro %}

{# SQL of the partitions in quality_sums with answers whose label may still come: not older than their model's horizon and two days. #}
{% macro unlabelled_partitions() -%}
    select distinct sums.partition_start
    from {{ this }} as sums
    inner join ops.model_versions as versions using (model, version)
    where
        sums.slice = 'all'
        and sums.labels_count < sums.keys_count
        and sums.day + 2 + ceil(coalesce((versions.manifest #>> '{options,horizon_seconds}')::double precision, 0) / 86400)::integer
        >= (now() at time zone 'UTC')::date
{%- endmacro %}

{# The value of a slice: a number as the bin of training that it lies in, anything else as text. #}
{% macro slice_value(value, edges) -%}
    case
        when jsonb_typeof({{ value }}) = 'number' and cardinality({{ edges }}) > 0 then concat_ws(
            ' ',
            'from ' || ({{ edges }})[width_bucket(({{ value }})::double precision, {{ edges }})],
            'below ' || ({{ edges }})[width_bucket(({{ value }})::double precision, {{ edges }}) + 1]
        )
        else coalesce({{ value }} #>> '{}', 'none')
    end
{%- endmacro %}
