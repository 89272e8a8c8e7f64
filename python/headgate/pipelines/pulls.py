"""What the blocks of pipelines call that ask a source for what is new."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from headgate.errors import UsageError
from headgate.pipelines import declared_files, loads
from headgate.pulling import pull as pull_once
from headgate.settings import load_settings
from headgate.sources.files import locations


def pull(source: str) -> dict[str, Any]:
    """Lands once what a source has that is new; a summary, never records.

    Raises:
        HeadgateError: it cannot be reached; what had landed stays.
    """
    done = asyncio.run(pull_once(load_settings(), source))
    return {"loads": [done.as_dict()]}


def pull_declared(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Lands the source that the pipeline's variable `source` names: its files, or what it has that is new.

    Raises:
        UsageError: the variable is not set.
    """
    source = variables.get("source")
    if not isinstance(source, str) or not source:
        raise UsageError(
            "variable source of the pipeline",
            expected="the name of a source that the project declares",
            found="nothing",
            next_step="set it in the pipeline's metadata.yaml or in its trigger; see docs/sources.md",
        )
    return declared_files.land(source) if locations(load_settings(), source) else pull(source)


def totals(outcome: Mapping[str, Any]) -> dict[str, Any]:
    """What a run landed: loads by status, lines and rows."""
    landed = outcome["loads"]
    return loads.totals(landed[0]["source"] if landed else "", outcome)
