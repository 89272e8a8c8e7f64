"""The validator on Mage's own examples: the project that `mage init` writes, and every block template."""

from __future__ import annotations

import datetime
import importlib.util
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jinja2 import Environment, FileSystemLoader

from headgate.pipelines.validation import validate

SPEC = importlib.util.find_spec("mage_ai")
TEMPLATES = (
    Path(next(iter(SPEC.submodule_search_locations or ()))) / "data_preparation/templates" if SPEC else Path()
)
pytestmark = pytest.mark.skipif(not SPEC, reason="Mage is not installed")

#: What Mage's UI fills in.
VARIABLES = {
    "additional_args": "",
    "code": "",
    "data_source": "postgres",
    "data_source_handler": "Postgres",
    "message": "",
    "payload": "{}",
    "title": "change",
}
#: Templates of classes that others extend, and of integrations, whose blocks the UI writes.
NO_BLOCKS = ("transformer_actions", "data_integrations", "base.jinja")


def test_project_of_mage_init_has_no_findings(tmp_path: Path) -> None:
    """The project that `mage init` writes, with its example pipeline and its io_config, is clean."""
    shutil.copytree(TEMPLATES / "repo", tmp_path / "demo", ignore=shutil.ignore_patterns("__pycache__"))

    assert validate(tmp_path / "demo").findings == []


def test_block_templates_have_no_errors(tmp_path: Path) -> None:
    """A pipeline of every block template in Python or Jinja that Mage ships has no errors, nor warnings."""
    blocks = [_block("start", "data_loader", [])]
    _write(tmp_path / "data_loaders/start.py", _rendered(TEMPLATES / "data_loaders/default.jinja"))
    callbacks, conditionals = [], []
    for kind, folder, name, text in _templates():
        _write(tmp_path / folder / f"{name}.py", text)
        if kind == "callback":
            callbacks.append(_block(name, kind, ["start"]))
        elif kind == "conditional":
            conditionals.append(_block(name, kind, ["start"]))
        else:
            upstream = ["start"] if kind in {"transformer", "data_exporter", "custom"} else []
            blocks.append(_block(name, kind, upstream))
            blocks[0]["downstream_blocks"] += [name] * len(upstream)
    pipeline = {"uuid": "templates", "type": "python", "blocks": blocks}
    pipeline |= {"callbacks": callbacks, "conditionals": conditionals}
    _write(tmp_path / "pipelines/templates/metadata.yaml", yaml.safe_dump(pipeline))

    report = validate(tmp_path)

    assert len(blocks) > 50
    assert [str(finding) for finding in report.findings] == []


def test_streaming_templates_have_no_findings(tmp_path: Path) -> None:
    """A streaming pipeline of every source and every sink template that Mage ships is clean."""
    sources = _streaming("data_loaders")
    sinks = _streaming("data_exporters")
    _write(tmp_path / "transformers/change.py", _rendered(TEMPLATES / "transformers/default_streaming.jinja"))
    for number, source in enumerate(sources):
        name = f"stream_{number}"
        leaves = [f"{name}_{sink.stem}" for sink in sinks]
        blocks = [
            _block(name, "data_loader", [], ["change"], _language(source)),
            _block("change", "transformer", [name], leaves),
            *(
                _block(leaf, "data_exporter", ["change"], language=_language(sink))
                for leaf, sink in zip(leaves, sinks, strict=True)
            ),
        ]
        _write(tmp_path / f"data_loaders/{name}{_suffix(source)}", _rendered(source))
        for leaf, sink in zip(leaves, sinks, strict=True):
            _write(tmp_path / f"data_exporters/{leaf}{_suffix(sink)}", _rendered(sink))
        pipeline = {"uuid": name, "type": "streaming", "blocks": blocks}
        _write(tmp_path / f"pipelines/{name}/metadata.yaml", yaml.safe_dump(pipeline))

    report = validate(tmp_path)

    assert report.pipelines == len(sources)
    assert [str(finding) for finding in report.findings] == []


def test_pipeline_as_the_ui_writes_it_has_no_findings(tmp_path: Path) -> None:
    """Every key that Mage's UI writes, dynamic blocks, and what old versions left behind, are no findings."""
    written = {
        "all_upstream_blocks_executed": True,
        "color": None,
        "executor_config": None,
        "executor_type": "local_python",
        "has_callback": False,
        "retry_config": None,
        "status": "executed",
        "timeout": None,
    }
    blocks = [
        # Old versions name widgets as downstream blocks, and names stood twice.
        written
        | _block("models", "custom", [], ["tune", "tune", "chart"])
        | {"configuration": {"dynamic": True}},
        written
        | _block("tune", "transformer", ["models"], ["report"])
        | {"configuration": {"file_source": {"path": f"{tmp_path.name}/transformers/tune.py"}}},
        written | _block("report", "data_exporter", ["tune"]) | {"configuration": {"reduce_output": True}},
        written | _block("about", "markdown", [], language="markdown"),
    ]
    pipeline = {
        "blocks": blocks,
        "cache_block_output_in_memory": False,
        "callbacks": [],
        "concurrency_config": {},
        "conditionals": [],
        "created_at": "2024-04-14 20:03:50.644207+00:00",
        "data_integration": None,
        "description": None,
        "executor_config": {},
        "executor_count": 1,
        "executor_type": None,
        "extensions": {},
        "name": "Train models",
        "notification_config": {},
        "remote_variables_dir": None,
        "retry_config": {},
        "run_pipeline_in_one_process": False,
        "settings": {"triggers": None},
        "spark_config": {},
        "tags": [],
        "type": "python",
        "uuid": "train",
        "variables_dir": "/data/train",
        "widgets": [written | _block("chart", "chart", ["models"])],
    }
    trigger = {
        "envs": [],
        "last_enabled_at": datetime.datetime(2024, 4, 14, 12, 51, tzinfo=datetime.UTC),
        "name": "API endpoint",
        "pipeline_uuid": "train",
        "schedule_interval": None,
        "schedule_type": "api",
        "settings": None,
        "sla": None,
        "start_time": datetime.datetime(2024, 4, 14, 12, 37, tzinfo=datetime.UTC),
        "status": "active",
        "variables": {"ids": [1, 5]},
    }
    _write(tmp_path / "pipelines/train/metadata.yaml", yaml.safe_dump(pipeline))
    _write(tmp_path / "pipelines/train/triggers.yaml", yaml.safe_dump({"triggers": [trigger]}))
    _write(tmp_path / "pipelines/empty/metadata.yaml", "name: empty\nuuid: empty\n")
    _write(tmp_path / "custom/models.py", "@custom\ndef models(*args, **kwargs):\n    return [[1], [2]]\n")
    # The number of inputs of a dynamic block's child is known only when it runs.
    _write(
        tmp_path / "transformers/tune.py", "@transformer\ndef tune(data, more, **kwargs):\n    return data\n"
    )
    _write(tmp_path / "data_exporters/report.py", "@data_exporter\ndef report(data, **kwargs):\n    pass\n")
    _write(tmp_path / "charts/chart.py", "x = [1]\n")
    _write(tmp_path / "markdowns/about.md", "# About\n")

    assert [str(finding) for finding in validate(tmp_path).findings] == []


def _templates() -> Iterator[tuple[str, str, str, str]]:
    kinds = ("callback", "conditional", "custom", "data_exporter", "data_loader", "sensor", "transformer")
    for kind in kinds:
        folder = TEMPLATES / ("custom" if kind == "custom" else f"{kind}s")
        for path in sorted([*folder.rglob("*.py"), *folder.rglob("*.jinja")]):
            relative = path.relative_to(folder)
            skipped = path.name.startswith("__") or "streaming" in str(relative) or "/r/" in f"/{relative}"
            if skipped or any(part in str(relative) for part in NO_BLOCKS):
                continue
            name = f"{kind}_{relative.with_suffix('').as_posix().replace('/', '_')}"
            text = _rendered(path)
            if f"@{kind}" in text or kind in {"callback", "conditional"}:
                yield kind, folder.name, name, text


def _streaming(folder: str) -> list[Path]:
    # default.jinja is empty: the UI starts from it.
    found = (TEMPLATES / folder / "streaming").iterdir()
    return sorted(path for path in found if path.suffix in {".py", ".yaml"})


def _rendered(path: Path) -> str:
    if path.suffix != ".jinja" and "{%" not in (text := path.read_text()):
        return text
    environment = Environment(loader=FileSystemLoader(TEMPLATES), autoescape=False)
    return environment.get_template(path.relative_to(TEMPLATES).as_posix()).render(**VARIABLES)


def _block(
    uuid: str, kind: str, upstream: list[str], downstream: list[str] | None = None, language: str = "python"
) -> dict[str, object]:
    block: dict[str, object] = {"uuid": uuid, "type": kind, "language": language}
    block |= {"upstream_blocks": upstream, "downstream_blocks": downstream or [], "status": "not_executed"}
    return block | ({"timeout": 60} if kind == "sensor" else {})


def _language(path: Path) -> str:
    return "yaml" if path.suffix == ".yaml" else "python"


def _suffix(path: Path) -> str:
    return ".yaml" if path.suffix == ".yaml" else ".py"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
