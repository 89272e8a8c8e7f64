"""The validator of Mage pipelines: the project's own pass, and each rule finds what it is there for."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.pipelines import mage_facts
from headgate.pipelines.validate import main, validate
from tests.support import ROOT

PIPELINE = "pipelines/ingest_gharchive"
SENSOR = "sensors/gharchive/hour_published.py"
LOADER = "data_loaders/gharchive/land_hours.py"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the project's Mage pipelines and selectors, to break."""
    ignored = shutil.ignore_patterns(".*", "__pycache__")
    shutil.copyfile(ROOT / "selectors.yml", tmp_path / "selectors.yml")
    return Path(shutil.copytree(ROOT / "mage_pipelines", tmp_path / "mage_pipelines", ignore=ignored))


def test_own_pipelines_have_no_findings() -> None:
    """The pipelines that ship with Headgate pass every rule."""
    assert validate(ROOT / "mage_pipelines") == []


def test_exit_code_says_whether_there_are_findings(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The program ends with 0 on a good project and with 1, naming file and rule, on a broken one."""
    assert main([str(project)]) == 0

    (project / SENSOR).unlink()

    assert main([str(project)]) == 1
    assert f"{SENSOR}: HG011" in capsys.readouterr().out


def test_one_pipeline_can_be_validated_alone(project: Path) -> None:
    """A pipeline's folder as PATH leaves the others alone."""
    (project / SENSOR).unlink()

    assert validate(project / "pipelines/build_features") == []


Change = Callable[[dict[str, Any]], None]


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("HG002", lambda data: data.update(uuid="ingest")),
        ("HG003", lambda data: data.update(type="batch")),
        # Mage keeps the last of two blocks with one name.
        ("HG005", lambda data: data["blocks"].append(dict(data["blocks"][0]))),
        ("HG006", lambda data: data["blocks"][0]["downstream_blocks"].append("gharchive/gone")),
        ("HG006", lambda data: data["callbacks"][0]["upstream_blocks"].append("gharchive/gone")),
        ("HG007", lambda data: data["blocks"][0].update(downstream_blocks=[])),
        # A cycle that only `upstream_blocks` says: Mage loads it.
        ("HG008", lambda data: data["blocks"][0].update(upstream_blocks=["gharchive/check_outcome"])),
        ("HG010", lambda data: data["blocks"][1].update(type="loader")),
        ("HG010", lambda data: data["blocks"][1].update(type="hook")),
        ("HG010", lambda data: data["blocks"][1].update(language="ruby")),
        ("HG010", lambda data: data["blocks"][1].update(executor_type="mainframe")),
        ("HG011", lambda data: data["blocks"][1].update(uuid="gharchive/land_days")),
    ],
)
def test_broken_metadata_is_found(project: Path, code: str, change: Change) -> None:
    """Each way to break metadata.yaml gives a finding with the code of its rule."""
    _edit(project / PIPELINE / "metadata.yaml", change)

    assert code in _codes(project)


@pytest.mark.parametrize(
    "key", ["name", "schedule_type", "schedule_interval", "start_time", "last_enabled_at"]
)
def test_incomplete_trigger_is_found(project: Path, key: str) -> None:
    """A trigger that Mage would drop or rewrite is a finding that names what it lacks."""
    _edit(project / PIPELINE / "triggers.yaml", lambda data: data["triggers"][0].pop(key))

    assert [f"{key} is missing" in finding.message for finding in validate(project)] == [True]


@pytest.mark.parametrize(
    "change",
    [
        {"schedule_interval": "every hour"},
        {"schedule_type": "cron"},
        {"status": "on"},
        {"pipeline_uuid": "build_features"},
        {"start_time": "soon"},
    ],
)
def test_trigger_with_unusable_value_is_found(project: Path, change: dict[str, str]) -> None:
    """A trigger with a value that Mage does not know is a finding."""
    _edit(project / PIPELINE / "triggers.yaml", lambda data: data["triggers"][0].update(change))

    assert _codes(project) == {"HG020"}


@pytest.mark.parametrize(
    ("code", "file", "old", "new"),
    [
        ("HG001", f"{PIPELINE}/metadata.yaml", "uuid: ingest_gharchive", "uuid: [ingest_gharchive"),
        ("HG001", f"{PIPELINE}/triggers.yaml", "triggers:", "- triggers:"),
        ("HG012", LOADER, "def land_hours(", "def land_hours((("),
        ("HG012", LOADER, "@data_loader\n", ""),
        # Mage calls a sensor without **kwargs with no arguments at all.
        ("HG013", SENSOR, "*args, **kwargs", "*args"),
        # Mage counts a named parameter as an upstream block.
        ("HG013", SENSOR, "*args, **kwargs", "*args, wait_minutes, **kwargs"),
        ("HG013", "data_exporters/gharchive/check_outcome.py", "outcome, *args", "outcome, more, *args"),
        ("HG011", LOADER, "return", "\n" * 40 + "    return"),
        ("HG014", "dbts/build/staging.yaml", "staging", "features"),
        ("HG014", "../selectors.yml", "name: staging", "name: typing"),
        ("HG014", "pipelines/build_features/metadata.yaml", "dbt: {command: build}", "dbt: {}"),
    ],
)
def test_broken_file_is_found(project: Path, code: str, file: str, old: str, new: str) -> None:
    """Each way to break a block or a YAML file gives a finding with the code of its rule."""
    path = project / file
    text = path.read_text()
    assert old in text

    path.write_text(text.replace(old, new))

    assert code in _codes(project)


def test_snapshot_of_mage_is_current() -> None:
    """The constants about Mage say what the installed Mage says."""
    constants = pytest.importorskip("mage_ai.data_preparation.models.constants")

    assert set(constants.PipelineType) == mage_facts.PIPELINE_TYPES
    assert set(constants.BlockType) == mage_facts.BLOCK_TYPES | mage_facts.CRASHING_BLOCK_TYPES
    assert set(constants.ExecutorType) == mage_facts.EXECUTORS
    assert {str(k): v for k, v in constants.BLOCK_LANGUAGE_TO_FILE_EXTENSION.items()} == mage_facts.LANGUAGES


def _edit(path: Path, change: Change) -> None:
    data = yaml.safe_load(path.read_text())
    change(data)
    path.write_text(yaml.safe_dump(data))


def _codes(project: Path) -> set[str]:
    return {finding.code for finding in validate(project)}
