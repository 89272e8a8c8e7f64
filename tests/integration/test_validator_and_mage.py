"""The validator against the installed Mage: no errors on what it runs, no mends that it does not run."""

from __future__ import annotations

import copy
import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from headgate.pipelines.validation import validate
from headgate.pipelines.validation.finding import Finding
from tests.integration import mage_outcomes
from tests.support import clean_environment

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not importlib.util.find_spec("mage_ai"), reason="Mage is not installed"),
]

BLOCK = {
    "uuid": "load_it",
    "name": "load_it",
    "type": "data_loader",
    "language": "python",
    "upstream_blocks": [],
    "downstream_blocks": [],
    "status": "not_executed",
}
PIPELINE = {"uuid": "x", "name": "x", "type": "python", "blocks": [BLOCK]}
#: Value of a pipeline, and whether Mage runs it as if it did not stand there.
OF_PIPELINE = [
    *[("execution_framework", "standard"), ("execution_framework", "nonsense"), ("created_by", 7)],
    *[("updated_by", "somebody"), ("executor_type", "nonsense"), ("type", "nonsense"), ("owner", "me")],
    *[("description", 2024), ("name", 7), ("created_at", "yesterday")],
]
OF_BLOCK = [
    *[("color", "green"), ("color", "nonsense"), ("executor_type", "nonsense"), ("status", "running")],
    *[("name", 7), ("created_by", 7), ("priority", "high"), ("notes", ["a"])],
]
#: Values of a block that Mage fails on.
BROKEN = [("type", "nonsense"), ("language", "nonsense"), ("type", "dynamic_child"), ("language", "pyton")]


def of_pipeline(key: str, value: Any) -> dict[str, Any]:
    """The pipeline with one value of its own."""
    return {**copy.deepcopy(PIPELINE), key: value}


def of_block(key: str, value: Any) -> dict[str, Any]:
    """The pipeline with one value of its block."""
    return {**PIPELINE, "blocks": [{**BLOCK, key: value}]}


def outcomes(folder: Path, pipelines: list[dict[str, Any]]) -> list[str]:
    """What Mage makes of each."""
    done = subprocess.run(
        [sys.executable, mage_outcomes.__file__, folder],
        input=json.dumps(pipelines),
        env=clean_environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return list(json.loads(done.stdout))


def findings(folder: Path, metadata: dict[str, Any]) -> list[Finding]:
    """What the validator says of one."""
    (folder / "pipelines/x/metadata.yaml").write_text(json.dumps(metadata, indent=1))
    return validate(folder).findings


def mended(metadata: dict[str, Any], key: str, mend: str) -> dict[str, Any]:
    """The pipeline as the mend says."""
    holder = copy.deepcopy(metadata)
    target = holder if key in holder and holder.get(key) != PIPELINE.get(key) else holder["blocks"][0]
    if changed := re.match("change it to (.+)", mend):
        target[key] = changed[1]
    else:
        assert mend.startswith(("remove", "take one of these")), mend
        target.pop(key)
    return holder


def test_what_mage_runs_is_no_error_and_what_it_fails_on_is_one(tmp_path: Path) -> None:
    """What Mage passes over is a warning at most; after each mend Mage still runs the pipeline."""
    harmless = [(key, of_pipeline(key, value)) for key, value in OF_PIPELINE]
    harmless += [(key, of_block(key, value)) for key, value in OF_BLOCK]
    broken = [of_block(key, value) for key, value in BROKEN]
    project = tmp_path / "project"
    found = outcomes(project, [*(metadata for _, metadata in harmless), *broken])
    assert found[: len(harmless)] == ["ran"] * len(harmless)
    assert "ran" not in found[len(harmless) :]

    mends = []
    for key, metadata in harmless:
        said = findings(project, metadata)
        assert {finding.severity for finding in said} <= {"warning"}, [str(finding) for finding in said]
        mends += [mended(metadata, key, finding.mend) for finding in said]
    for metadata in broken:
        assert "error" in {finding.severity for finding in findings(project, metadata)}, metadata
    assert outcomes(tmp_path / "mended", mends) == ["ran"] * len(mends)
    assert all(findings(project, metadata) == [] for metadata in mends)


def test_what_is_nearly_right_is_an_error_that_names_the_right_one(tmp_path: Path) -> None:
    """Where Mage passes over a misspelt value, something else runs than was meant: that stays an error."""
    project = tmp_path / "project"
    cases = [
        (of_pipeline("type", "stream"), "streaming"),
        (of_pipeline("type", "pyton"), "python"),
        (of_block("executor_type", "local_pyton"), "local_python"),
        (of_block("language", "pyton"), "python"),
    ]
    outcomes(project, [])
    for metadata, meant in cases:
        said = {(finding.severity, finding.mend) for finding in findings(project, metadata)}
        assert ("error", f"change it to {meant}") in said
