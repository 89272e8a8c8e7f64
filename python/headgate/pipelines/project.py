"""Reads the YAML files of a Mage project as Mage does. Whether they are valid says `validation`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.yaml_files import read_yaml


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises:
        UsageError: it holds something else, or is not YAML.
    """
    data = read_yaml(path)
    if not isinstance(data, dict):
        raise UsageError(
            str(path), expected="a mapping", found=type(data).__name__, next_step="correct the file"
        )
    return data
