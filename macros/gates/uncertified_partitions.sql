{#
    The partitions of a model whose present version has not passed all of the model's gates yet. Gates look at these
    only, so that their cost follows what was built; whatever was not proven stays in sight until it is.

    Returns rows (partition_start) as ISO text in UTC, in order.
#}
{% macro uncertified_partitions(model_name) -%}
    {% set statement %}
        select {{ iso_text('versions.partition_start') }} as partition_start
        from {{ partition_versions(model_name) }} as versions
        left join ops.certified_partitions as certified
            on
                certified.model = '{{ model_name }}'
                and certified.partition_start = versions.partition_start
        where certified.version is distinct from versions.version
        order by versions.partition_start
    {% endset %}
    {{ return(run_query(statement).rows if execute else []) }}
{%- endmacro %}
