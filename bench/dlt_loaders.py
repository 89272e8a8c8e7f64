r"""Landing one hour against dlt, in an environment of its own: its default loader and its arrow path.

The default loader spreads records over tables, the arrow path keeps each in one JSON column. Lines that
hold \u0000, which PostgreSQL refuses, are left out for both. The time includes starting dlt or our process.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from bench.figures import Figure, interleave
from bench.hours import measured
from bench.landing import land, landed_rows, takable_hour
from bench.workbench import Workbench

REQUIREMENTS = ("dlt[postgres]==1.*", "pyarrow")
#: How many times dlt's rows per second.
TARGETS = {"default": 10, "arrow": 5}


def run(bench: Workbench) -> Iterator[Figure]:
    """One figure for each of dlt's ways, on one hour and one connection."""
    python = _environment(bench)
    database = bench.database("dlt", bench.servers[0])
    hour = measured(bench)[0]
    takable = takable_hour(hour, bench.scratch)
    env = {
        **database.env,
        "DLT_DATA_DIR": str(bench.scratch / "dlt"),
        "RUNTIME__DLTHUB_TELEMETRY": "false",
        "RUNTIME__LOG_LEVEL": "ERROR",
    }

    script = Path(__file__).with_name("dlt_script.py")
    # dlt wants a host and a password; the host in the query is the one that counts.
    uri = database.dsn.replace("postgres@/", "postgres:none@localhost/") + "&connect_timeout=15"

    def load(mode: str) -> None:
        subprocess.run([python, script, mode, uri, takable], env=env, cwd=bench.scratch, check=True)

    def reset() -> None:
        database.forget_loads()
        database.execute(*(f"drop schema if exists dlt_{mode} cascade" for mode in TARGETS), "checkpoint")
        shutil.rmtree(bench.scratch / "dlt", ignore_errors=True)

    ways = {mode: partial(load, mode) for mode in TARGETS}
    seconds = interleave({**ways, "ours": partial(land, database, [hour], 1)}, (bench.rounds + 1) // 2, reset)
    rows = landed_rows(database)
    for mode, at_least in TARGETS.items():
        yield Figure.speed(
            f"landing one hour against dlt, {mode} path",
            rows / seconds[mode],
            rows / seconds["ours"],
            at_least,
        )


def _environment(bench: Workbench) -> Path:
    """The Python of dlt's environment, made when it is missing."""
    folder = bench.folder / "dlt"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        bench.say(f"installing {' and '.join(REQUIREMENTS)} into an environment of their own")
        # `uv run` says where it is; make puts it into .headgate/tools when the machine has none.
        uv = os.environ.get("UV") or shutil.which("uv") or str(bench.folder.parent / "tools/bin/uv")
        subprocess.run([uv, "venv", "--quiet", "--python", "3.11", folder, "--allow-existing"], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *REQUIREMENTS], check=True)
        (folder / "complete").touch()
    return python
