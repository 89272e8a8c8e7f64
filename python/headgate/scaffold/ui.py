"""The custom templates that Mage's UI offers, made from the same templates as `headgate new` uses.

Mage takes the files of `custom_templates/` as they are, without filling anything in.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from headgate.scaffold.files import NewFiles
from headgate.scaffold.mage import KINDS, MAGE, python_block, trigger
from headgate.scaffold.render import Templates

FOLDER = f"{MAGE}/custom_templates"
#: Block template -> what the UI says of it. A dbt block needs an answer to what it builds: not offered.
BLOCKS = {
    "data_loader": "Hands on what a run works on: names and counts, never records.",
    "transformer": "Works on the output of the block before it; its @test is a gate.",
    "data_exporter": "Writes a result where others read it.",
    "sensor": "Waits for a file.",
    "callback": "Says in the log which block failed.",
    "conditional": "Whether the blocks under it run.",
    "custom": "Does one thing beside the data.",
    "streaming_source": "Follows a file of JSON lines, as long as it grows.",
    "streaming_transformer": "Makes of a batch of messages what the sink gets.",
    "streaming_sink": "Writes batches of messages to a file.",
}
#: What block functions are called when nobody has named them yet.
FUNCTIONS = {"data_loader": "load", "transformer": "transform", "data_exporter": "export"}


def ui_templates(project_dir: Path) -> NewFiles:
    """Block and pipeline templates in the form that Mage expects."""
    templates = Templates(project_dir)
    texts: dict[str, str] = {}
    for kind, description in BLOCKS.items():
        label = kind.replace("_", " ").capitalize()
        texts |= _block(templates, kind, f"{label} (Headgate)", description)
    for name, template in (("batch", "pipeline_batch.yaml"), ("streaming", "pipeline_streaming.yaml")):
        texts |= _pipeline(
            name,
            f"{name.capitalize()} pipeline (Headgate)",
            f"Settings, tags and alerts of a {name} pipeline; add blocks from the block templates.",
            _without_blocks(templates, template),
        )
        if name == "batch":
            texts[f"{FOLDER}/pipelines/{name}/triggers.yaml"] = trigger(templates, name, None)
    return NewFiles(project_dir, texts)


def _block(templates: Templates, kind: str, name: str, description: str) -> dict[str, str]:
    described = {
        "block_type": KINDS[kind].type,
        "description": description,
        "language": "python",
        "name": name,
        "tags": ["headgate"],
    }
    code = python_block(templates, FUNCTIONS.get(kind, kind), kind)
    folder = f"{FOLDER}/blocks/{kind}"
    return {f"{folder}/metadata.yaml": _dump(described), f"{folder}/{kind}.py": code}


def _pipeline(name: str, label: str, description: str, pipeline: dict[str, Any]) -> dict[str, str]:
    described = {"description": description, "name": label, "pipeline": pipeline, "tags": ["headgate"]}
    return {f"{FOLDER}/pipelines/{name}/metadata.yaml": _dump(described)}


def _without_blocks(templates: Templates, template: str) -> dict[str, Any]:
    """A pipeline's settings: its blocks are named after it, and there is none of them yet."""
    rendered = templates.render(
        template, name="new", description="A new pipeline.", tags='["new"]', source_language="python"
    )
    pipeline: dict[str, Any] = yaml.safe_load(rendered)
    callbacks = [{**callback, "upstream_blocks": []} for callback in pipeline.get("callbacks", [])]
    return {**pipeline, "blocks": [], "callbacks": callbacks}


def _dump(value: dict[str, Any]) -> str:
    dumped: str = yaml.safe_dump(value, sort_keys=False, allow_unicode=True, width=110)
    return f"# Written by `headgate new ui-templates` from mage_pipelines/templates.\n{dumped}"
