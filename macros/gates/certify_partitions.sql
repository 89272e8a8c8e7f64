{#
    After `dbt build` or `dbt test`: a model's partitions are certified at their present version when every gate of the
    model ran and passed. A gate that reads several models counts once it could have run: when all of them were built.
    What another run has built since this one began is left to that one: this run's gates may not have seen it.
#}
{% macro certify_partitions(results) -%}
    {%- if execute and not is_dry_run() and flags.WHICH in ('build', 'test') -%}
    {%- set passed = [] -%}
    {%- set missed = [] -%}
    {%- for result in results -%}
        {%- do (passed if result.status in ('success', 'pass', 'warn') else missed).append(result.node.unique_id) -%}
    {%- endfor -%}
    {%- for node in graph.nodes.values() if node.resource_type == 'model' and built_model(node.alias) %}
    {%- set blocking = [] -%}
    {%- for gate in graph.nodes.values() if gate.resource_type == 'test' and node.unique_id in gate.depends_on.nodes -%}
        {%- set parents = gate.depends_on.nodes | select('in', passed) | list -%}
        {%- set could_run = parents | length == gate.depends_on.nodes | length -%}
        {%- if gate.unique_id in missed
            or (gate.unique_id not in passed and (gate.attached_node == node.unique_id or could_run)) -%}
            {%- do blocking.append(gate.unique_id) -%}
        {%- endif -%}
    {%- endfor %}
    {%- if not blocking and node.unique_id not in missed %}
    insert into ops.certified_partitions (model, partition_start, version, certified_at)
    select '{{ node.alias }}', versions.partition_start, versions.version, clock_timestamp()
    from {{ partition_versions(node.alias) }} as versions
    left join ops.certified_partitions as certified
        on certified.model = '{{ node.alias }}' and certified.partition_start = versions.partition_start
    where
        certified.version is distinct from versions.version
        and (
            versions.version = '{{ invocation_id }}'
            or versions.built_at < (select began_at from ops.dbt_runs where run_id = '{{ invocation_id }}')
        )
    on conflict (model, partition_start) do update set
        version = excluded.version,
        certified_at = excluded.certified_at
    where certified_partitions.version <> excluded.version;
    {%- endif %}
    {%- endfor %}
    {%- endif -%}
{%- endmacro %}
