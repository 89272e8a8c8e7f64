"""What starting Mage for a run of pipelines imports."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.support import ROOT

SCRIPT = """
import sys
from mage_ai.settings.repo import set_repo_path
import run_pipeline
set_repo_path(str(run_pipeline.PROJECT))
with run_pipeline.notebooks_left_out():
    from mage_ai.data_preparation.executors import executor_factory
from mage_ai.data_preparation.models import utils
kinds = [str(utils.infer_variable_type({"release": 1})[0])]
assert not {"sklearn", "IPython"} & {name.partition(".")[0] for name in sys.modules}
import IPython.core.magic
from sklearn.linear_model import LinearRegression
kinds.append(utils.infer_variable_type(LinearRegression())[0].value)
print(kinds, utils.estimator_html_repr(LinearRegression()))
"""


def test_mage_starts_without_what_its_notebooks_draw_with(tmp_path: Path) -> None:
    """Mage does not import scikit-learn and IPython; blocks and what draws an estimator get the real ones."""
    own = {"PYTHONPATH": str(ROOT / "mage_pipelines" / "utils"), "MAGE_DATA_DIR": str(tmp_path)}

    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        env={**os.environ, **own},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("['None', 'model_sklearn']")
    assert "LinearRegression</" in done.stdout
