"""Runs migrations on the connection that headgate.postgres.schema hands over; alembic calls this file."""

from __future__ import annotations

import sqlalchemy
from alembic import context

from headgate.postgres.schema import VERSION_SCHEMA, VERSION_TABLE

TABLE = f"{VERSION_SCHEMA}.{VERSION_TABLE}"

#: Any number that no other program of this database uses.
LOCK = 4_283_362_843

connection: sqlalchemy.Connection = context.config.attributes["connection"]
# Two migrations at once wait for each other; the second one then finds nothing to do. Before the first one
# there is no table yet that a reader cannot lock.
if connection.scalar(sqlalchemy.text("select to_regclass(:name)"), {"name": TABLE}):
    connection.execute(sqlalchemy.text(f"lock table {TABLE} in share row exclusive mode"))
else:
    connection.execute(sqlalchemy.text("select pg_advisory_xact_lock(:key)"), {"key": LOCK})
connection.execute(sqlalchemy.text("create schema if not exists ops"))
context.configure(
    connection=connection,
    transaction_per_migration=False,
    version_table=VERSION_TABLE,
    version_table_schema=VERSION_SCHEMA,
)
context.run_migrations()
