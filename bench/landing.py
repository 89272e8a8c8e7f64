"""Landing against `gunzip | psql` COPY into a plain jsonb column, on PostgreSQL as its packages leave it.

python -m bench.landing FOLDER_WITH_HOURS [ROUNDS]
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg

from headgate import postgres
from headgate.landing import land_files
from headgate.postgres.runas import server_user
from headgate.settings import Settings, load_settings

SYSTEM_BINARIES = Path("/usr/lib/postgresql/15/bin")
#: Text that no line of JSON holds, so that COPY takes every line as one value.
BASELINE = "copy baseline (record) from stdin (format csv, quote e'\\x01', delimiter e'\\x02')"


@dataclass(frozen=True)
class Figure:
    """The median of one way to land the hours."""

    name: str
    seconds: float
    rows: int

    @property
    def rows_per_second(self) -> float:
        """Rows landed in a second."""
        return self.rows / self.seconds


@contextlib.contextmanager
def stock_server() -> Iterator[str]:
    """A throw-away PostgreSQL 15 with its stock settings; gives the URI of an empty database."""
    with tempfile.TemporaryDirectory(prefix="hg-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        data = folder / "data"
        data.mkdir(mode=0o700)
        user = server_user(data)
        user.own(folder)
        user.own(data)
        created = user.run(
            [SYSTEM_BINARIES / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8"]
        )
        assert created.returncode == 0, created.stdout
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        control = [SYSTEM_BINARIES / "pg_ctl", "-D", data, "-w"]
        started = user.run([*control, "-o", options, "-l", folder / "log", "start"])
        assert started.returncode == 0, started.stdout
        try:
            yield f"postgresql://postgres@/postgres?host={folder}&port=5432"
        finally:
            user.run([*control, "-m", "immediate", "stop"])


def measure(uri: str, hours: list[Path], rounds: int) -> list[Figure]:
    """Lands all hours in each way, the ways taking turns; medians over the rounds, the baseline first."""
    postgres.migrate(uri)
    with tempfile.TemporaryDirectory(prefix="hg-bench-") as folder:
        settings = replace(load_settings({}), dsn=uri, pii_key="bench", home=Path(folder))
        takable = [_takable(hour, Path(folder)) for hour in hours]
        ways: dict[str, Callable[[], int]] = {
            "gunzip | psql COPY, jsonb column": lambda: _baseline(uri, takable),
            "headgate, 1 connection": lambda: _headgate(settings, hours, 1),
            "headgate, 2 connections": lambda: _headgate(settings, hours, 2),
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        rows = {}
        for _ in range(rounds):
            for name, way in ways.items():
                asyncio.run(_execute(uri, _RESET))
                began = time.perf_counter()
                rows[name] = way()
                seconds[name].append(time.perf_counter() - began)
    return [Figure(name, statistics.median(taken), rows[name]) for name, taken in seconds.items()]


#: Ends with a checkpoint: no way pays for the writes of the way before it.
_RESET = (
    "drop table if exists baseline",
    "create table baseline (record jsonb)",
    """do $$ declare part regclass; begin
        for part in
            select inhrelid::regclass from pg_inherits where inhparent = 'staging_gharchive.events'::regclass
        loop execute 'drop table ' || part; end loop;
    end $$""",
    "truncate ops.loads cascade",
    "checkpoint",
)


def _baseline(uri: str, hours: list[Path]) -> int:
    """What a newcomer would write."""
    for hour in hours:
        with subprocess.Popen(["gunzip", "-c", hour], stdout=subprocess.PIPE) as unpacked:
            subprocess.run(["psql", "-q", "-d", uri, "-c", BASELINE], stdin=unpacked.stdout, check=True)
    return int(asyncio.run(_execute(uri, ["select count(*) from baseline"])))


def _headgate(settings: Settings, hours: list[Path], connections: int) -> int:
    results = land_files(settings, "gharchive", hours, connections=connections)
    assert all(result.status == "landed" for result in results), [result.error for result in results]
    return sum(result.rows_landed for result in results)


def _takable(hour: Path, folder: Path) -> Path:
    r"""The hour without the lines that abort a plain COPY (\u0000): with them the baseline lands nothing."""
    content = gzip.decompress(hour.read_bytes())
    if b"\\u0000" not in content:
        return hour
    kept = folder / hour.name
    kept.write_bytes(
        gzip.compress(b"".join(line for line in content.splitlines(True) if b"\\u0000" not in line))
    )
    return kept


async def _execute(uri: str, statements: tuple[str, ...] | list[str]) -> object:
    connection = await asyncpg.connect(uri)
    try:
        value = None
        for statement in statements:
            value = await connection.fetchval(statement)
        return value
    finally:
        await connection.close()


def main() -> None:
    """Prints the figures."""
    hours = sorted(Path(sys.argv[1]).glob("*-*-*-*.json.gz"))
    rounds = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    with stock_server() as uri:
        figures = measure(uri, hours, rounds)
    for figure in figures:
        ratio = figure.rows_per_second / figures[0].rows_per_second
        print(
            f"{figure.name:<36}{figure.seconds:>8.2f} s{figure.rows_per_second:>12,.0f} rows/s{ratio:>7.2f}"
        )
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    print(f"peak memory of the largest process: {peak:.0f} MB on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
