"""Landing one hour against dlt, which is installed into an environment of its own: its default loader and its arrow path.

The default loader spreads records over tables, the arrow path keeps each in one JSON column. Neither takes the line
with \\u0000; it is left out for them. dlt's start and imports are part of its time, as our landing process's are of ours.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure, interleave
from bench.hours import measured
from bench.landing import check_landed, takable_hour
from bench.workbench import Workbench
from headgate.landing import land_files

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

    def load(mode: str) -> None:
        script = Path(__file__).with_name("dlt_script.py")
        command = [python, script, mode, f"{database.dsn}&connect_timeout=15", takable]
        subprocess.run(command, env=env, cwd=bench.scratch, check=True)

    def reset() -> None:
        database.forget_loads()
        database.execute(*(f"drop schema if exists dlt_{mode} cascade" for mode in TARGETS), "checkpoint")
        shutil.rmtree(bench.scratch / "dlt", ignore_errors=True)

    ways = {
        **{mode: lambda mode=mode: load(mode) for mode in TARGETS},
        "ours": lambda: check_landed(land_files(database.settings, "gharchive", [hour], connections=1)),
    }
    seconds = interleave(ways, (bench.rounds + 1) // 2, reset)
    ((rows,),) = database.execute("select rows_landed from ops.loads where status = 'landed'")
    for mode, at_least in TARGETS.items():
        yield Figure.speed(
            f"landing one hour against dlt, {mode} path", rows / seconds[mode], rows / seconds["ours"], at_least
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
