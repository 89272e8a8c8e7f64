r"""Landing, with privacy, screening and the ledger, against `gunzip | psql` COPY into a plain jsonb column.

The baseline is what a newcomer writes, made to work: csv with control characters for quote and delimiter, so
that backslashes and quotes pass as they are; without the lines that hold \u0000, which abort a whole COPY.
"""

from __future__ import annotations

import gzip
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.figures import Figure, interleave
from bench.hours import measured
from bench.servers import Database
from bench.workbench import Workbench
from headgate.landing import land_files

#: Connections -> how many times the baseline's rows per second they must reach.
TARGETS = {1: 1.6, 2: 2.3}
COPY = "copy {table} (record) from stdin (format csv, quote e'\\x01', delimiter e'\\x02')"


def run(bench: Workbench) -> Iterator[Figure]:
    """Figures on one connection and on two."""
    hours = measured(bench)
    takable = [takable_hour(hour, bench.scratch) for hour in hours]
    for server in bench.servers:
        database = bench.database("landing", server)
        ways = {
            "baseline": partial(copy_plainly, database, takable, "baseline"),
            **{str(number): partial(land, database, hours, number) for number in TARGETS},
        }
        seconds = interleave(ways, bench.rounds, partial(_reset, database))
        rows = landed_rows(database)
        for number, at_least in TARGETS.items():
            target = at_least if server == bench.servers[0] else None
            name = f"landing, {number} connection{'s' * (number > 1)}, {bench.label(server)}"
            yield Figure.speed(name, rows / seconds["baseline"], rows / seconds[str(number)], target)


def land(database: Database, hours: list[Path], connections: int | None = None) -> None:
    """Lands hours; fails when one does not land: a benchmark of nothing is worth nothing."""
    for result in land_files(database.settings, "gharchive", hours, connections=connections):
        if result.status != "landed":
            raise RuntimeError(f"{result.delivery.uri}: {result.status}, {result.error}")


def landed_rows(database: Database) -> int:
    """Rows that are landed now."""
    ((rows,),) = database.execute("select sum(rows_landed)::bigint from ops.loads where status = 'landed'")
    return int(rows)


def copy_plainly(database: Database, hours: list[Path], table: str) -> None:
    """`gunzip | psql` for each hour, one after the other."""
    for hour in hours:
        with subprocess.Popen(["gunzip", "-c", hour], stdout=subprocess.PIPE) as unpacked:
            command = ["psql", "-q", "-d", database.dsn, "-c", COPY.format(table=table)]
            subprocess.run(command, stdin=unpacked.stdout, check=True)


def takable_hour(hour: Path, folder: Path) -> Path:
    r"""The hour without the lines that abort a plain COPY (\u0000): with them the baseline lands nothing."""
    content = gzip.decompress(hour.read_bytes())
    if b"\\u0000" not in content:
        return hour
    kept = folder / hour.name
    lines = content.split(b"\n")
    kept.write_bytes(gzip.compress(b"\n".join(line for line in lines if b"\\u0000" not in line)))
    return kept


def _reset(database: Database) -> None:
    database.forget_loads()
    database.execute("drop table if exists baseline", "create table baseline (record jsonb)", "checkpoint")
