"""What MLflow is told of a version: parameters, metrics, tags, and the description of its files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from headgate.model.package import MAIN_FILES
from headgate.model.versions import ModelVersion
from headgate.report import number_of

#: MLflow's own limits.
LONGEST_NAME, LONGEST_PARAMETER, LONGEST_TAG = 250, 6000, 8000
#: What the names of metrics, parameters and tags may not hold; a slash would make a folder of charts.
_FORBIDDEN = re.compile(r"[^\w. :-]+")
#: The figure itself, where it stands beside its interval.
_VALUE = "value"
_COMMIT = re.compile(r"[0-9a-f]{40}")


def parameters(version: ModelVersion) -> dict[str, str]:
    """The parameters of the training, flat."""
    found = {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in _leaves(version.parameters)
    }
    return {name: value[:LONGEST_PARAMETER] for name, value in found.items()}


def metrics(version: ModelVersion) -> dict[str, float]:
    """The figures that are numbers, flat: `auc`, `auc.low`, `slices.bots.auc`."""
    return {
        name.removesuffix(f".{_VALUE}"): float(value)
        for name, value in _leaves(version.figures)
        if isinstance(value, int | float) and not isinstance(value, bool)
    }


def tags(version: ModelVersion) -> dict[str, str]:
    """Where the version comes from and what its gates say; these may change when it is registered."""
    told = {
        "headgate.version": version.version,
        "headgate.model_sha256": version.model_sha256,
        "headgate.task": version.task,
        "headgate.flavour": version.flavour,
        "headgate.dataset_id": version.dataset_id,
        "headgate.release_id": version.release_id,
        "headgate.code_revision": version.code_revision,
        "headgate.trained_at": version.trained_at.isoformat(),
        "headgate.trained_by": version.trained_by,
        "headgate.gates": "passed" if version.passed else "failed",
        "headgate.registered": version.registered_at.isoformat() if version.registered_at else "no",
        "headgate.registered_by": version.registered_by,
        **{f"gate.{_name(str(gate['gate']))}": _gate(gate) for gate in version.gates},
    }
    return {name: str(value)[:LONGEST_TAG] for name, value in told.items() if value is not None}


def run_tags(version: ModelVersion, files: Mapping[str, bytes]) -> dict[str, str]:
    """The tags that MLflow's pages of runs show in columns of their own; the card is the description."""
    found = {
        "mlflow.runName": f"v{version.version}",
        "mlflow.user": version.trained_by.partition(" as ")[0],
        "mlflow.source.type": "JOB",
        "mlflow.source.name": f"headgate train {version.model}",
    }
    card = files.get("card.md", b"").decode(errors="replace")
    if card and len(card) <= LONGEST_TAG:
        found["mlflow.note.content"] = card
    if _COMMIT.fullmatch(version.code_revision or ""):
        found["mlflow.source.git.commit"] = str(version.code_revision)
    return found


def mlmodel(version: ModelVersion, mlflow_version: str) -> str | None:
    """The file MLmodel, by which MLflow loads a LightGBM model; None for what it would load otherwise.

    What MLflow loads takes the encoded matrix of `model.encoding`, a column of float64 for each input.
    """
    if version.flavour != "lightgbm":
        return None
    inputs = [
        {"type": "double", "name": given["name"], "required": True}
        for given in version.manifest["signature"]["inputs"]
    ]
    return yaml.safe_dump(
        {
            "flavors": {
                "lightgbm": {
                    "data": MAIN_FILES["lightgbm"],
                    "model_class": "lightgbm.basic.Booster",
                    "code": None,
                },
                "python_function": {"loader_module": "mlflow.lightgbm", "data": MAIN_FILES["lightgbm"]},
            },
            "mlflow_version": mlflow_version,
            "signature": {
                "inputs": json.dumps(inputs),
                "outputs": json.dumps([{"type": "double", "required": True}]),
                "params": None,
            },
        },
        sort_keys=False,
    )


def _gate(gate: Mapping[str, Any]) -> str:
    """A gate's verdict as a sentence."""
    low, high = gate.get("low"), gate.get("high")
    parts = [
        _number("figure", gate.get("figure")),
        f"[{low:.4g}, {high:.4g}]" if low is not None and high is not None else "",
        _number("threshold", gate.get("threshold")),
        number_of(gate["rows"], "row") if gate.get("rows") is not None else "",
        str(gate.get("reason") or ""),
    ]
    told = ", ".join(part for part in parts if part)
    return f"{gate['verdict']}: {told}" if told else str(gate["verdict"])


def _number(what: str, value: Any) -> str:
    if value is None:
        return ""
    return f"{what} {value:.4g}" if isinstance(value, int | float) else f"{what} {value}"


def _leaves(values: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value below a document, with its path; a list is one value."""
    if isinstance(values, Mapping):
        for name, value in values.items():
            yield from _leaves(value, f"{path}.{name}" if path else str(name))
    elif values is not None:
        yield _name(path), values


def _name(text: str) -> str:
    return _FORBIDDEN.sub("_", text)[:LONGEST_NAME]
