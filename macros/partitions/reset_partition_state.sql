{#
    Before a model is built from nothing: what it had built no longer counts. In the model's own transaction. Refuses where it
    would lose what it holds of records that retention removed, unless the variable `rebuild_without_removed_records` names it.
#}
{% macro reset_partition_state() -%}
    {%- if not is_incremental() -%}
    {%- if load_relation(this) and this.identifier not in var('rebuild_without_removed_records', []) %}
    do $check$
    begin
        if exists (
            select from ops.built_partitions as built
            inner join ops.loads as loads using (load_id)
            where built.model = '{{ this.identifier }}' and loads.expired_at is not null
        ) then
            raise exception 'model {{ this.identifier }}: expected to add to what it holds, for records that it was '
                'built from were removed by retention; found that it is to be built from nothing. Next: keep its SQL, or '
                'name it in the variable rebuild_without_removed_records of dbt_project.yml, and lose these rows';
        end if;
    end
    $check$;
    {% endif %}
    delete from ops.built_partitions where model = '{{ this.identifier }}'
    {%- endif -%}
{%- endmacro %}
