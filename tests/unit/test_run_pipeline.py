"""The process that runs pipelines: how it ends."""

from __future__ import annotations

import subprocess
import sys

from tests.support import ROOT

SCRIPT = """
import multiprocessing, sys
sys.path.insert(0, "mage_pipelines/utils")
import run_pipeline
if __name__ == "__main__":
    manager = multiprocessing.get_context("fork").Manager()
    print("done")
    run_pipeline.end(3)
"""


def test_it_takes_its_processes_along() -> None:
    """What a block started, such as Mage's queue, does not hold open what `headgate run` reads."""
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (3, "done\n"), done.stderr
