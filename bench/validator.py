"""The time that the validator takes for many pipelines, with the start of its process."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from bench.figures import Figure
from bench.workbench import Workbench

AT_MOST_SECONDS = 2.0
KINDS = {
    "sensor": "sensors",
    "data_loader": "data_loaders",
    "transformer": "transformers",
    "data_exporter": "data_exporters",
}


def run(bench: Workbench) -> Iterator[Figure]:
    """Seconds for all: each pipeline has four blocks, each with a file of its own, and a trigger."""
    count = 500 if bench.full else 50
    project = bench.scratch / "validator"
    for number in range(count):
        _write_pipeline(project, f"pipeline_{number:03}")
    seconds = statistics.median(_validated(project) for _ in range(bench.rounds))
    yield Figure.amount(
        f"validating {count} pipelines, process start included", "s", seconds, AT_MOST_SECONDS
    )


def _validated(project: Path) -> float:
    """Seconds of one run, which imports no Mage and finds nothing."""
    program = (
        "import sys; from headgate.pipelines.validate import main; code = main(sys.argv[1:]); "
        "sys.exit(code or ('mage_ai' in sys.modules))"
    )
    began = time.perf_counter()
    subprocess.run(
        [sys.executable, "-c", program, project, "--strict"], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def _write_pipeline(project: Path, name: str) -> None:
    blocks = []
    kinds = list(KINDS)
    for position, kind in enumerate(kinds):
        upstream = [f"{name}/{other}" for other in kinds[max(position - 1, 0) : position]]
        downstream = [f"{name}/{other}" for other in kinds[position + 1 : position + 2]]
        blocks.append(
            f"- uuid: {name}/{kind}\n  name: {kind}\n  type: {kind}\n  language: python\n"
            f"  executor_type: local_python\n  status: not_executed\n  timeout: 3600\n"
            f"  upstream_blocks: [{', '.join(upstream)}]\n  downstream_blocks: [{', '.join(downstream)}]\n"
        )
        _write(
            project / KINDS[kind] / name / f"{kind}.py",
            f'if "{kind}" not in globals():\n    from mage_ai.data_preparation.decorators import {kind}\n\n'
            f"from headgate.pipelines import ingest\n\n\n@{kind}\ndef {kind}_of_it(*args, **kwargs):\n"
            f'    """Does its part."""\n    return ingest.{kind}(kwargs, name="{name}")\n',
        )
    folder = project / "pipelines" / name
    head = f"uuid: {name}\nname: {name}\ntype: python\ntags: [bench]\nvariables:\n  day: null\nblocks:\n"
    _write(folder / "metadata.yaml", head + "".join(blocks))
    _write(
        folder / "triggers.yaml",
        f"triggers:\n- name: hourly\n  pipeline_uuid: {name}\n  schedule_type: time\n"
        "  schedule_interval: 5 * * * *\n  start_time: 2026-01-01 00:00:00\n  status: active\n"
        "  last_enabled_at: 2026-01-01 00:00:00\n",
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
