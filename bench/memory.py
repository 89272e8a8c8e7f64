"""Peak memory of landing one very large hour: of the largest process, and of all processes together."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.hours import generated
from bench.workbench import Workbench

AT_MOST_MB = 300
SECONDS_BETWEEN_LOOKS = 0.02


def run(bench: Workbench) -> Iterator[Figure]:
    """Both peaks; of a small hour too, to show that they do not follow its size."""
    for events in (10_000, 300_000) if bench.full else (500, 5_000):
        (hour,) = generated(bench.folder, hours=1, events=events)
        database = bench.database("memory", bench.servers[0])
        program = Path(sys.executable).with_name("headgate")
        command: list[str | Path] = [program, "land", "gharchive", hour, "--json"]
        with subprocess.Popen(command, env=database.env, stdout=subprocess.PIPE) as process:
            largest, together = _peaks(process)
            assert process.stdout is not None
            (landed,) = json.load(process.stdout)
        if landed["status"] != "landed":
            raise RuntimeError(str(landed["error"]))
        megabytes = landed["bytes_read"] / 1e6
        name = f"memory of landing an hour of {megabytes:,.0f} MB, {landed['rows_landed']:,} events"
        yield Figure.amount(f"{name}: largest process", "MB", largest, AT_MOST_MB)
        yield Figure.amount("  all its processes together", "MB", together, AT_MOST_MB)


def _peaks(process: subprocess.Popen[bytes]) -> tuple[float, float]:
    largest = together = 0.0
    while process.poll() is None:
        sizes = [_resident(pid) for pid in [process.pid, *_children(process.pid)]]
        largest, together = max(largest, *sizes), max(together, sum(sizes))
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return largest, together


def _children(pid: int) -> list[int]:
    try:
        threads = list(Path(f"/proc/{pid}/task").iterdir())
        return [int(child) for thread in threads for child in (thread / "children").read_text().split()]
    except OSError:
        return []


def _resident(pid: int) -> float:
    """Megabytes that a process holds now; pages that it shares with others count in each."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS")), 0.0)
