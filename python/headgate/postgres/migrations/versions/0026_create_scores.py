"""A schema for scores that models gave in batches."""

from alembic import op

revision = "0026"
down_revision = "0025"
TABLES: tuple[str, ...] = ()
SCHEMAS = "select 'scores'"


def upgrade() -> None:
    """Creates the schema; each model has a table of its own in it, with the first batch."""
    op.execute("""
        create schema scores;
        comment on schema scores is
            'Scores of whole spines, a table by model: which version said what of which row.';
    """)


def downgrade() -> None:
    """Drops all scores; they can be computed again."""
    op.execute("drop schema scores cascade")
