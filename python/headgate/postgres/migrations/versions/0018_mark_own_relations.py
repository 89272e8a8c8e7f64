"""Relations that dbt made for Headgate carry a mark: what lacks it is somebody else's, and never replaced."""

from alembic import op

revision = "0018"
down_revision = "0017"

MARK = "Made by dbt for Headgate, which replaces it when it builds it again."
KIND = "case relkind when 'v' then 'view' when 'm' then 'materialized view' else 'table' end"
#: What earlier versions made, by their own records.
MADE = """
    select relations.oid
    from pg_class as relations
    inner join pg_namespace as schemas on schemas.oid = relations.relnamespace
    where
        relations.relkind in ('r', 'p', 'v', 'm')
        and pg_has_role(relations.relowner, 'member')
        and (schemas.nspname, relations.relname) in (
            select relation_schema, model from ops.deployed_models
            union
            select 'gate_failures', gate from ops.gate_results
            union
            select 'typed', seed from ops.seed_contents
        )
"""


def upgrade() -> None:
    """Adds the functions that mark a relation and find those without a mark; marks what dbt made before."""
    op.execute(f"""
        create function ops.hand_over(relation regclass) returns void language plpgsql as $function$
        declare
            said text := obj_description(relation, 'pg_class');
        begin
            if coalesce(said, '') not like '%{MARK}' then
                execute format(
                    'comment on %s %s is %L',
                    (
                        select
                            {KIND}
                        from pg_class where oid = relation
                    ),
                    relation,
                    concat_ws(' ', said, '{MARK}')
                );
            end if;
        end
        $function$;
        comment on function ops.hand_over is
            'Marks a relation as one that dbt may replace: those that it made, and what somebody hands over.';

        create function ops.foreign_relations(names text[]) returns table (name text, kind text)
        language sql stable as $function$
            select format('%s.%s', schemas.nspname, relations.relname),
                case relations.relkind
                    when 'v' then 'a view' when 'm' then 'a materialized view'
                    when 'f' then 'a foreign table' when 'S' then 'a sequence' else 'a table'
                end
            from unnest(names) as given (name)
            inner join pg_namespace as schemas on schemas.nspname = split_part(given.name, '.', 1)
            inner join pg_class as relations on
                relations.relnamespace = schemas.oid
                and relations.relname = substr(given.name, strpos(given.name, '.') + 1)
            where coalesce(obj_description(relations.oid, 'pg_class'), '') not like '%{MARK}'
            order by 1
        $function$;
        comment on function ops.foreign_relations is
            'Which of these relations, given as schema.name, exist and were not made by dbt for Headgate.';

        do $mark$
        declare
            made regclass;
        begin
            for made in {MADE} loop
                perform ops.hand_over(made);
            end loop;
        end
        $mark$;
    """)  # noqa: S608 - constants of this file


def downgrade() -> None:
    """Drops the functions and the marks."""
    op.execute(f"""
        do $mark$
        declare
            marked record;
        begin
            for marked in
                select oid::regclass as relation, obj_description(oid, 'pg_class') as said,
                    {KIND} as kind
                from pg_class
                where
                    obj_description(oid, 'pg_class') like '%{MARK}' and pg_has_role(relowner, 'member')
            loop
                execute format(
                    'comment on %s %s is %L', marked.kind, marked.relation,
                    nullif(rtrim(replace(marked.said, '{MARK}', '')), '')
                );
            end loop;
        end
        $mark$;
        drop function ops.foreign_relations(text[]);
        drop function ops.hand_over(regclass);
    """)  # noqa: S608 - constants of this file
