"""What tells two versions of a model apart."""

from __future__ import annotations

from typing import Any

from headgate.model.package import CARDS, MAIN_FILES
from headgate.model.versions import ModelVersion


def between(old: ModelVersion, new: ModelVersion) -> list[dict[str, Any]]:
    """The differences, each with its part (signature, views, ...), what it is about, and both values."""
    return [
        {"part": part, "what": what, "old": before.get(what), "new": after.get(what)}
        for part, before, after in zip(_parts(old), _parts(old).values(), _parts(new).values(), strict=True)
        for what in sorted(before.keys() | after.keys())
        if before.get(what) != after.get(what)
    ]


def _parts(version: ModelVersion) -> dict[str, dict[str, Any]]:
    signature = version.manifest["signature"]
    told = (*CARDS, MAIN_FILES.get(version.flavour))
    origin = ("model_sha256", "flavour", "task", "dataset_id", "release_id", "code_revision")
    return {
        "origin": {name: getattr(version, name) for name in origin},
        "inputs": {given["name"]: _without_name(given) for given in signature["inputs"]},
        "order": {"inputs": [given["name"] for given in signature["inputs"]]},
        "keys": {"keys": signature["keys"], "output": signature["output"]},
        "views": version.manifest["views"],
        # Code has more files than the one whose hash stands for the model.
        "files": {path: sha for path, sha in version.manifest["files"].items() if path not in told},
        "parameters": version.parameters,
        "options": version.manifest["options"],
        "figures": version.figures,
        "gates": {gate["gate"]: _without_name(gate, "gate") for gate in version.gates},
        "environment": version.environment,
    }


def _without_name(values: dict[str, Any], name: str = "name") -> dict[str, Any]:
    return {key: value for key, value in values.items() if key != name}
