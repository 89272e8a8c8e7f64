{# Before a model is built: waits for another run that builds it, until that run's transaction ends, and says so. Two runs
   at once then do some work twice, and no harm. Advisory locks would not do: every role that may connect can take them. #}
{% macro build_lock() -%}
    {%- set name = quoted_text('builds of ' ~ model.name) -%}
    {%- set holders %}
        select
            'Model {{ model.name }} waits for another build of it, process ' || pid || ' ('
            || concat_ws(', ', usename, application_name, 'since ' || to_char(xact_start at time zone 'UTC', 'HH24:MI:SS') || ' UTC')
            || ')' as sentence
        from ops.locks as locks
        inner join pg_locks as held on held.transactionid = locks.xmax and held.granted
        inner join pg_stat_activity using (pid)
        where locks.name = {{ name }} and pid <> pg_backend_pid()
    {%- endset -%}
    {%- for row in (run_query(holders).rows if execute else []) -%}
        {%- do log(row.sentence, info=true) -%}
    {%- endfor -%}
    insert into ops.locks (name) values ({{ name }}) on conflict (name) do update set name = excluded.name
{%- endmacro %}
