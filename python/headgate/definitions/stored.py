"""The definitions that the database has recorded (`ops.model_definitions`)."""

from __future__ import annotations

import json
from collections.abc import Iterable

from headgate.definitions.catalog import Definition, Definitions
from headgate.definitions.seeds import parse_rows
from headgate.postgres.connection import Connection

READ_BY = """
    with recursive needed as (
        select unnest($1::text[]) as definition
        union
        select read.value
        from needed
        inner join ops.model_definitions as model using (definition)
        cross join lateral jsonb_each_text(model.upstream) as read
    )

    select * from ops.model_definitions inner join needed using (definition)
"""

SEEDS = "select checksum, rows from ops.seed_contents where checksum = any($1)"


async def load_definitions(connection: Connection, keys: Iterable[str]) -> Definitions:
    """The definitions of `keys` (hashes) and of everything that they read."""
    rows = await connection.fetch(READ_BY, sorted(keys))
    seeds = {checksum for row in rows for checksum in json.loads(row["seeds"]).values()}
    contents = await connection.fetch(SEEDS, sorted(seeds))
    return Definitions(
        {
            row["definition"]: Definition(
                row["model"],
                row["first_sql"],
                row["next_sql"] or row["first_sql"],
                json.loads(row["settings"]),
                json.loads(row["upstream"]),
                json.loads(row["seeds"]),
            )
            for row in rows
        },
        {row["checksum"]: parse_rows(row["rows"]) for row in contents},
    )
