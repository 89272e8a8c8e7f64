{#
    The partitions that a model of deliveries has to build: those whose quarantine changed, and those that share a record
    with one of them, for which of two deliveries of a record is kept may change then.

    Args:
        source_name, table_name: the landing table that carries the contract.
        identity: column of the model that holds the record's identity.
#}
{% macro delivery_partitions(source_name, table_name, identity='record_id') -%}
    {%- set quarantine = 'stg_' ~ source_name ~ '__quarantine' -%}
    {%- set changed = stale_partitions([quarantine], source_name=source_name) -%}
    {%- set landed = landed_records(source_name, table_name, changed) -%}
    {%- if not (changed and is_incremental()) -%}
        {{ return(changed) }}
    {%- endif -%}
    {%- set shared %}
        select winner.partition_start
        from ({{ landed }}) as landed
        inner join {{ this }} as winner on winner.is_kept and winner.{{ identity }} = landed.record_id
        where not ({{ in_partitions(changed, 'winner.partition_start') }})
        union
        select loser.partition_start
        from {{ this }} as winner
        inner join {{ this }} as loser on not loser.is_kept and loser.{{ identity }} = winner.{{ identity }}
        where winner.is_kept and {{ in_partitions(changed, 'winner.partition_start') }}
    {%- endset -%}
    {{ return(stale_partitions([quarantine], source_name=source_name, extra=shared)) }}
{%- endmacro %}
