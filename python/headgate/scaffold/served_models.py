"""What `dbt_project.yml` says of served models: whether there are any, and which spines hold their labels."""

from __future__ import annotations

from typing import Any

import yaml

from headgate.scaffold.yaml_edit import YamlText

PROJECT = "dbt_project.yml"
#: The variable that switches on what watches them, which `enabled` repeats.
SWITCH = "serves_models"
#: Where the spines are named that monitoring takes labels from.
LABEL_SPINES = ("vars", "label_spines")


def switched(project: str, *, on: bool) -> str:
    """The file's text with the switch on or off."""
    if _variables(project).get(SWITCH) is on:
        return project
    # With the anchor that the models' and tests' `enabled` refer to.
    return YamlText(project).with_setting("vars", SWITCH, f"&{SWITCH} {str(on).lower()}").text


def with_label_spine(project: str, spine: str) -> str:
    """The file's text with a spine among those that hold labels."""
    return YamlText(project).with_item(LABEL_SPINES, spine).text


def without_label_spine(project: str, spine: str) -> str:
    """The file's text without a spine among those that hold labels."""
    return YamlText(project).without_item(LABEL_SPINES, spine).text


def is_switched_on(project: str) -> bool:
    """Whether the switch is on."""
    return _variables(project).get(SWITCH) is True


def holds_labels(project: str, spine: str) -> bool:
    """Whether a spine is among those that hold labels."""
    return spine in (_variables(project).get(LABEL_SPINES[1]) or [])


def _variables(project: str) -> dict[str, Any]:
    return (yaml.safe_load(project) or {}).get("vars") or {}
