"""PostgreSQL: the embedded server, connections to it or to any other, and the schemas that Python owns."""

from headgate.postgres.connection import Connection, connect, connect_to, dsn, libpq_env
from headgate.postgres.embedded import is_running, start, stop

__all__ = [
    "Connection",
    "connect",
    "connect_to",
    "dsn",
    "is_running",
    "libpq_env",
    "migrate",
    "start",
    "stop",
]


def migrate(dsn: str, revision: str = "head") -> None:
    """Moves the schemas that Python owns to `revision`: see `headgate.postgres.schema.migrate`."""
    # Imported here: alembic takes longer to import than most commands take to run.
    from headgate.postgres import schema

    schema.migrate(dsn, revision)
