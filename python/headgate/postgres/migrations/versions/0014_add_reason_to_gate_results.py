"""Why a gate could not run, beside its result."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    """Adds it."""
    op.execute("""
        alter table ops.gate_results add column reason text;
        comment on column ops.gate_results.reason is 'Why the gate could not run; null where it ran.';
    """)


def downgrade() -> None:
    """Drops it."""
    op.execute("alter table ops.gate_results drop column reason")
