"""A table with a JSONB column of another database, landed, against a COPY pipe through psql.

The pipe is what one would type: `psql COPY ... TO STDOUT | psql COPY ... FROM STDIN`, into a table of the
same columns without an index. Ours also screens each row, replaces personal data, and notes how far it is
in the transaction that lands the rows.
"""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

from bench.figures import Figure, interleave
from bench.hours import measured
from bench.landing import COPY
from bench.servers import Database
from bench.workbench import Workbench
from headgate.pulling import pull
from headgate.settings import Settings

AT_LEAST = 0.8
#: Rows of the table of small records.
SMALL_ROWS = {True: 1_000_000, False: 20_000}
DSN = "HEADGATE_BENCH_OTHER_DSN"
DECLARATION = """
sources:
  - name: other
    schema: staging_other
    tables:
      - name: {table}
        config:
          meta:
            loader:
              type: postgres_jsonb
              dsn_env: {dsn}
              table: public.{table}
              record: record
              key: id
              cursor: updated_at
            contract:
              version: 1
              envelope: {{identity: id, kind: type, time: created_at}}
              time_tolerance_hours: null
              paths:
                - {{path: id, type: string, required: true}}
                - {{path: "payload.commits[].author.email", type: string, pii: hmac}}
                - {{path: "payload.commits[].author.name", type: string, pii: hmac}}
"""
#: An hour later than the lag: all rows are settled.
AGED = "now() - interval '1 day' + id * interval '1 microsecond'"
SMALL = """
    jsonb_build_object('id', id::text, 'type', 'reading', 'created_at', '2026-01-01T00:00:00Z',
        'sensor', id % 100, 'value', id * 0.1)
"""


def run(bench: Workbench) -> Iterator[Figure]:
    """Events of GitHub, and records of a hundred bytes."""
    other = bench.database("postgres_jsonb_other")
    database = bench.database("postgres_jsonb")
    os.environ[DSN] = other.dsn
    counts = {"events": _fill_events(bench, other), "readings": _fill_readings(bench, other)}
    for table, what in (("events", "events of GitHub"), ("readings", "records of 100 bytes")):
        settings = _project(bench, database, table)
        ways = {
            "pipe": partial(_pipe, other, database, table),
            "ours": partial(_pull, settings, counts[table]),
        }
        seconds = interleave(ways, bench.rounds, partial(_reset, database, table))
        rows = counts[table]
        target = AT_LEAST if table == "events" else None
        name = f"postgres_jsonb, {what}, {bench.label(bench.servers[0])}"
        yield Figure.speed(name, rows / seconds["pipe"], rows / seconds["ours"], target)


def _fill_events(bench: Workbench, other: Database) -> int:
    other.execute(
        "create table raw (record jsonb)",
        "create table events (id bigint generated always as identity, updated_at timestamptz, record jsonb)",
    )
    for hour in measured(bench):
        lines = gzip.decompress(hour.read_bytes()).split(b"\n")
        kept = b"\n".join(line for line in lines if line and b"\\u0000" not in line)
        command = ["psql", "-q", "-d", other.dsn, "-c", COPY.format(table="raw")]
        subprocess.run(command, input=kept + b"\n", check=True)
    other.execute("insert into events (record) select record from raw", "drop table raw")
    other.execute(f"update events set updated_at = {AGED}")
    return _finish(other, "events")


def _fill_readings(bench: Workbench, other: Database) -> int:
    other.execute(
        f"""
        create table readings as
        select id, {AGED} as updated_at, {SMALL} as record
        from generate_series(1, {SMALL_ROWS[bench.full]}) as id
        """
    )
    return _finish(other, "readings")


def _finish(other: Database, table: str) -> int:
    """Orders the table by time, as one that grows is, with the index that a reader needs."""
    other.execute(
        f"create unique index {table}_by_time on {table} (updated_at, id)",
        f"cluster {table} using {table}_by_time",
        f"vacuum analyze {table}",
    )
    ((rows,),) = other.execute(f"select count(*) from {table}")
    return int(rows)


def _project(bench: Workbench, database: Database, table: str) -> Settings:
    """Settings of a project that declares the table as a source."""
    folder = Path(bench.scratch) / f"project-{table}"
    staging = folder / "models" / "staging" / "other"
    staging.mkdir(parents=True)
    (staging / "_other__sources.yml").write_text(DECLARATION.format(table=table, dsn=DSN))
    (folder / "dbt_project.yml").touch()
    return replace(database.settings, project_dir=folder)


def _pipe(other: Database, database: Database, table: str) -> None:
    out = ["psql", "-q", "-d", other.dsn, "-c", f"copy {table} to stdout"]
    into = ["psql", "-q", "-d", database.dsn, "-c", f"copy baseline_{table} from stdin"]
    with subprocess.Popen(out, stdout=subprocess.PIPE) as source:
        subprocess.run(into, stdin=source.stdout, check=True)


def _pull(settings: Settings, rows: int) -> None:
    done = asyncio.run(pull(settings, "other", lambda _: None))
    if done.rows.landed != rows:
        raise RuntimeError(f"{done.rows.landed} of {rows} rows landed")


def _reset(database: Database, table: str) -> None:
    database.empty("ops.loads", "ops.source_state", "ops.source_window")
    database.execute(
        "drop schema if exists staging_other cascade",
        f"drop table if exists baseline_{table}",
        f"create table baseline_{table} (id bigint, updated_at timestamptz, record jsonb)",
        "checkpoint",
    )
