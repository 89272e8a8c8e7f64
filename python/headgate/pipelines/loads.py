"""What the pipelines that land files have in common: what a run prints, its totals, its gate."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from headgate.errors import HeadgateError
from headgate.landing import LoadResult, Progress, land_files
from headgate.settings import Settings
from headgate.sources import Delivery

COUNTS = ("lines_read", "rows_landed", "rows_rejected", "rows_repaired")


def land(settings: Settings, source: str, deliveries: Sequence[Delivery]) -> dict[str, Any]:
    """Lands deliveries, prints a line for each; one summary for each load, failed ones too, never records."""
    done = 0

    def say(message: Progress | LoadResult) -> None:
        nonlocal done
        if isinstance(message, LoadResult):
            done += 1
            verdict = "FAIL" if message.failed else "OK"
            print(f"{done} of {len(deliveries)} {verdict} {message.delivery.title} {message.status}")  # noqa: T201

    results = land_files(settings, source, deliveries, on_progress=say)
    return {"loads": [result.as_dict() for result in results]}


def totals(source: str, outcome: Mapping[str, Any]) -> dict[str, Any]:
    """Loads by status, lines and rows, and what the first failed one says."""
    loads = outcome["loads"]
    failed = [load["error"] for load in loads if load["status"] == "failed"]
    return {
        "source": source,
        "loads": len(loads),
        **Counter(load["status"] for load in loads),
        **{count: sum(load.get(count) or 0 for load in loads) for count in COUNTS},
        "error": failed[0] if failed else None,
    }


def require_landed(found: Mapping[str, Any]) -> None:
    """The gate of a landing pipeline, over its totals.

    Raises:
        HeadgateError: a load failed.
    """
    if error := found["error"]:
        raise HeadgateError(
            f"{found['failed']} of {found['loads']} loads of {found['source']}",
            expected="every load to land",
            found=f"{error['subject']}: expected {error['expected']}; found {error['found']}",
            next_step=error["next_step"],
        )
