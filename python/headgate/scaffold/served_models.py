"""The switch of what watches served models: the variable `serves_models`, which `enabled` repeats."""

from __future__ import annotations

import yaml

from headgate.scaffold.yaml_edit import YamlText

SWITCH = "serves_models"


def switched(project: str, *, on: bool) -> str:
    """The text of a dbt_project.yml with the switch on or off."""
    variables = (yaml.safe_load(project) or {}).get("vars") or {}
    if variables.get(SWITCH) is on:
        return project
    # With the anchor that the models' and tests' `enabled` refer to.
    return YamlText(project).with_setting("vars", SWITCH, f"&{SWITCH} {str(on).lower()}").text
