"""A declared feature view is defined by what it means, the SQL that recounts it, not by how that is done."""

from alembic import op

revision = "0032"
down_revision = "0031"


def upgrade() -> None:
    """The recount beside the SQL becomes the definition; one of before 0023 takes that of its equals."""
    op.execute("""
        update ops.model_definitions as definitions
        set first_sql = meant.recount, next_sql = null
        from (
            select distinct on (model, first_sql, next_sql) model, first_sql, next_sql, recount
            from ops.model_definitions
            where recount is not null
            order by model, first_sql, next_sql, last_built_at desc
        ) as meant
        where
            definitions.model = meant.model
            and definitions.first_sql = meant.first_sql
            and definitions.next_sql is not distinct from meant.next_sql;

        comment on column ops.model_definitions.first_sql is
            'As it is built from nothing; of a declared feature view the SQL that recounts it.';
    """)


def downgrade() -> None:
    """How views were computed is gone: an earlier version takes them for redefined, and builds them again."""
    op.execute("""
        comment on column ops.model_definitions.first_sql is 'As it is built from nothing.';
    """)
