"""What the built tables hold, as hashes that can be compared between databases, servers and runs."""

from __future__ import annotations

from datetime import datetime
from typing import Any, NamedTuple

from tests.support import ROOT, Database

#: Numbers and clocks of the attempts to land, which differ between runs that end alike.
OF_THE_ATTEMPT = {"load_id", "finished_at"}

REFERENCE_LISTS = {"typed.contract_paths"} | {f"typed.{file.stem}" for file in ROOT.glob("seeds/**/*.csv")}

RELATIONS = """
    select table_schema || '.' || table_name, array_agg(column_name::text order by column_name)
    from information_schema.columns
    where table_schema in ('typed', 'features')
    group by 1
    order by 1
"""

LANDED = """
    select partition_start, line_number, record_id, record_type, recorded_at, record
    from staging_gharchive.events join ops.loads using (load_id)
    where loads.status = 'landed'
"""

KEPT_LINES = """
    select loads.partition_start, kept.line_number, kept.reason, kept.line, kept.line_bytes, kept.line_hmac
    from ops.loads join (
        select load_id, line_number, reason, line, line_bytes, line_hmac from ops.rejects
        union all
        select load_id, line_number, repair, line, line_bytes, line_hmac from ops.repairs
    ) as kept using (load_id)
    where loads.status = 'landed'
"""

ACCOUNTS = """
    select rows_landed, typed_count, quarantined_count, duplicates_count, lines_read, rows_rejected,
        partition_start
    from typed.stg_gharchive__load_outcomes where status = 'landed' order by partition_start
"""


class Fingerprint(NamedTuple):
    """How many rows, and the sum of their hashes: the order of the rows does not matter."""

    rows: int
    hash: int


class Account(NamedTuple):
    """What became of the lines of one partition."""

    landed: int
    typed: int
    quarantined: int
    duplicates: int
    read: int
    rejected: int
    partition_start: datetime

    @property
    def balances(self) -> bool:
        """True when landed = typed + quarantined + duplicates, and nothing read was lost."""
        settled = self.typed + self.quarantined + self.duplicates
        return self.landed == settled and self.read == self.landed + self.rejected


def table_fingerprints(database: Database) -> dict[str, Fingerprint]:
    """A fingerprint of every table and view that dbt builds, over all columns by name."""
    found = {}
    for name, columns in database.query(RELATIONS):
        chosen = [f'"{column}"' for column in columns]
        where = ""
        if name.endswith("__load_outcomes"):
            chosen = [f'"{column}"' for column in columns if column not in OF_THE_ATTEMPT]
            where = "where status = 'landed'"
        found[name] = fingerprint(database, f"select {', '.join(chosen)} from {name} {where}")
    return found


def landed_fingerprints(database: Database) -> dict[str, Fingerprint]:
    """The same of what is landed, of rejected lines and of repairs."""
    return {"landed": fingerprint(database, LANDED), "kept lines": fingerprint(database, KEPT_LINES)}


def fingerprint(database: Database, select: str) -> Fingerprint:
    """The fingerprint of what a SELECT returns, alike on every version of PostgreSQL."""
    rows, total = database.query(
        f"select count(*), coalesce(sum(('x' || left(md5(row_to_hash::text), 15))::bit(60)::bigint), 0)"
        f" from ({select}) as row_to_hash"
    )[0]
    return Fingerprint(rows, int(total))


def differences(expected: dict[str, Fingerprint], found: dict[str, Fingerprint]) -> dict[str, Any]:
    """Tables that are not alike, with both fingerprints: empty when all are."""
    names = sorted(expected.keys() | found.keys())
    return {
        name: (expected.get(name), found.get(name)) for name in names if expected.get(name) != found.get(name)
    }


def accounts(database: Database) -> list[Account]:
    """The account of every landed partition."""
    return [Account(*row) for row in database.query(ACCOUNTS)]


def writers(database: Database) -> dict[str, Fingerprint]:
    """Where each row lies and which transaction wrote it: any row written anew changes it.

    Of all landed and built tables, but for the few rows of reference lists that dbt loads in each run.
    """
    tables = database.query(
        "select schemaname || '.' || tablename from pg_tables where schemaname in ('typed', 'features')"
        " or schemaname like 'staging%' or (schemaname, tablename) = ('ops', 'loads')"
    )
    return {
        name: fingerprint(database, f"select ctid, xmin from {name}")
        for (name,) in tables
        if name not in REFERENCE_LISTS
    }


def holding(database: Database, pattern: str) -> dict[str, int]:
    """How many rows of every table, in whatever schema, have text that matches a regular expression."""
    tables = database.query(
        "select format('%I.%I', table_schema, table_name),"
        " array_agg(format(case data_type when 'bytea' then $$encode(%I, 'escape')$$ else '%I::text' end,"
        " column_name))"
        " from information_schema.columns join information_schema.tables using (table_schema, table_name)"
        " where table_schema not in ('pg_catalog', 'information_schema') and table_type = 'BASE TABLE'"
        " and (data_type in ('text', 'jsonb', 'bytea', 'ARRAY') or data_type like 'character%') group by 1"
    )
    found = {
        table: database.value(
            f"select count(*) from {table} where concat_ws(' ', {', '.join(columns)}) ~ %s", pattern
        )
        for table, columns in tables
    }
    return {table: rows for table, rows in found.items() if rows}
