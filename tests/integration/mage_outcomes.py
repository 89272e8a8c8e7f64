"""What the installed Mage makes of pipelines: reads a list of metadata as JSON, writes a list of outcomes.

A program of its own: Mage's imports take seconds, and it keeps state of the project that it is in.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

BLOCK = """if 'data_loader' not in globals():
    from mage_ai.data_preparation.decorators import data_loader


@data_loader
def load_it(*args, **kwargs):
    from pathlib import Path
    Path({ran!r}).touch()
    return [1]
"""


def main(project: Path) -> None:
    """Writes the project, and tries each pipeline of standard input in it."""
    ran = project / "ran"
    (project / "pipelines/x").mkdir(parents=True)
    (project / "data_loaders").mkdir()
    (project / "data_loaders/load_it.py").write_text(BLOCK.format(ran=str(ran)))
    (project / "metadata.yaml").write_text("project_type: standalone\nhelp_improve_mage: false\n")
    os.environ["MAGE_DATA_DIR"] = str(project / "data")
    os.chdir(project)
    pipelines = json.load(sys.stdin)
    answers = sys.stdout
    with contextlib.redirect_stdout(sys.stderr):
        outcomes = [_outcome(project, ran, metadata) for metadata in pipelines]
    json.dump(outcomes, answers)


def _outcome(project: Path, ran: Path, metadata: dict[str, Any]) -> str:
    """`ran`, or what went wrong."""
    from mage_ai.data_preparation.executors.executor_factory import ExecutorFactory
    from mage_ai.data_preparation.models.pipeline import Pipeline
    from mage_ai.settings.repo import set_repo_path

    set_repo_path(str(project))
    ran.unlink(missing_ok=True)
    (project / "pipelines/x/metadata.yaml").write_text(json.dumps(metadata))
    try:
        pipeline = Pipeline.get("x")
        ExecutorFactory.get_pipeline_executor(pipeline).execute(run_sensors=False, update_status=False)
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "ran" if ran.exists() else "nothing ran"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
