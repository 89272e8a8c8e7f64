"""Feast beside Headgate: on the same tables, in the same database, in an environment of its own."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from bench.environments import Companion, python_with
from bench.servers import Database
from bench.store_data import generated_views
from bench.workbench import Workbench
from headgate.postgres.connection import parameters

REQUIREMENTS = ("feast[postgres]==0.*",)
#: Feast's statements are ended after this time.
SECONDS_AT_MOST = 60


@contextlib.contextmanager
def feast(bench: Workbench, database: Database) -> Iterator[Companion | None]:
    """Feast with the project's views over the tables of `features`; None where it is not installed."""
    python = python_with(bench, "feast", REQUIREMENTS)
    if python is None:
        yield None
        return
    folder = database.folder / "feast"
    folder.mkdir(parents=True, exist_ok=True)
    database.execute("drop schema if exists feast cascade", "create schema feast")
    parts = parameters(database.dsn)
    where = {
        "host": parts["host"],
        "port": int(parts["port"]),
        "database": parts["dbname"],
        "user": parts["user"],
        "password": "",
    }
    views = [
        {"name": view.name, "keys": list(view.keys), "columns": view.columns} for view in generated_views()
    ]
    (folder / "views.json").write_text(json.dumps({"database": where, "views": views}))
    env = {**database.env, "FEAST_USAGE": "False", "FEAST_TELEMETRY": "False"}
    # Feast overrides what a client may ask for by PGOPTIONS.
    limit = f'alter database "{parts["dbname"]}" set statement_timeout ='
    database.execute(f"{limit} '{SECONDS_AT_MOST}s'")
    with Companion(python, Path(__file__).with_name("feast_script.py"), folder, env=env) as companion:
        yield companion
    database.execute(f"{limit} default")
