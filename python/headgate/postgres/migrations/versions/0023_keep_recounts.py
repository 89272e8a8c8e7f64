"""A declared feature view brings the SQL that recounts its values; it stands with the view's definition."""

from alembic import op

revision = "0023"
down_revision = "0022"
TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    """Adds the statement; views that are built already bring it with their next build."""
    op.execute("""
        alter table ops.model_definitions add column recount text;
        comment on column ops.model_definitions.recount is
            'SQL that recounts rows of a declared feature view by brute force; the leakage gate runs it.';
    """)


def downgrade() -> None:
    """Takes it out; a later build brings it again."""
    op.execute("alter table ops.model_definitions drop column recount")
