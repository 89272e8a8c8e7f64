"""Loads say what their content was read by, so that it lands again when something else is declared."""

from alembic import op

revision = "0015"
down_revision = "0014"
TABLES: tuple[str, ...] = ()


def upgrade() -> None:
    """Adds the hash; loads from before have none, and land again only if nothing of them landed."""
    op.execute("""
        alter table ops.loads add column declaration_sha256 text;
        comment on column ops.loads.declaration_sha256 is
            'Hash of what decided on what landed, beside the content: loader, envelope, privacy, types.';
    """)


def downgrade() -> None:
    """Drops it; with the views of load outcomes, which dbt makes again."""
    op.execute("alter table ops.loads drop column declaration_sha256 cascade")
