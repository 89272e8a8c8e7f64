"""What a view's columns mean from release to release, for models; the registry of models is append-only."""

from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    """Every release so far means by its views what they were defined as."""
    op.execute("""
        alter table ops.release_views add column meaning text;
        update ops.release_views set meaning = definition;
        comment on column ops.release_views.meaning is
            'The oldest definition whose columns this one has, computed alike: what models are bound to.';

        create function ops.keep_model_version() returns trigger language plpgsql as $function$
        declare
            registration text[] := array['registered_at', 'registered_by'];
        begin
            if tg_op = 'UPDATE' and old.registered_at is null and old.passed
                and to_jsonb(new) - registration = to_jsonb(old) - registration then
                return new;
            end if;
            raise 'ops.model_versions: a version that passed is registered, no more; found % of version %',
                lower(tg_op), old.version
                using hint = 'train again: a version stays what it was judged as';
        end
        $function$;
        create trigger append_only before update or delete on ops.model_versions
            for each row execute function ops.keep_model_version();
        create trigger append_only before update or delete or truncate on ops.model_files
            for each statement execute function ops.refuse_change();
        create trigger append_only before update or delete or truncate on ops.model_references
            for each statement execute function ops.refuse_change();
    """)


def downgrade() -> None:
    """Forgets what views mean, and lets the registry be edited."""
    op.execute("""
        drop trigger append_only on ops.model_references;
        drop trigger append_only on ops.model_files;
        drop trigger append_only on ops.model_versions;
        drop function ops.keep_model_version();
        alter table ops.release_views drop column meaning;
    """)
