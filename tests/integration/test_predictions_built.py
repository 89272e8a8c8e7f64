"""The landed log of served models, typed by dbt behind its gates."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.prediction_log import NOON, answer, land
from tests.support import Database

pytestmark = [pytest.mark.parametrize("server", ["embedded"], indirect=True), pytest.mark.costly]
BUILD = (
    *("build", "-s", "+path:models/staging/predictions", "--indirect-selection", "buildable"),
    *("--exclude-resource-type", "unit_test"),
)
#: What differs from an answer of the champion.
KINDS: dict[str, dict[str, Any]] = {
    "answered": {
        "features": {"size": 3, "toy_activity__events_count": None},
        "as_of": {"toy_activity": "2026-03-01T11:00:00+00:00"},
    },
    "no_release": {"release_id": None, "staleness_seconds": None, "seconds": 0},
    "of_texts": {
        "model": "sorts_mail",
        "version": 2,
        "champion_version": 2,
        "features": {"text": 'ü \\ "', "is_new": True},
        "score": None,
    },
    "refused": {"status": "refused", "error": "no features of this entity in toy_activity", "score": None},
    "failed": {
        "status": "failed",
        "error": "ValueError",
        "score": None,
        "role": "challenger",
        "version": 2,
        "challenger_version": 2,
        "canary_share": 0.1,
        "shadow": {"version": 1, "score": 0.25, "error": None},
    },
    "shadow_failed": {
        "challenger_version": 2,
        "shadow": {"version": 2, "score": None, "error": "ValueError"},
        "score": 1e-9,
    },
}


def test_answers_of_all_kinds_pass_their_gates(database: Database) -> None:
    """Different inputs, refusals, failures, shadows, a second day; what is sent again lands once."""
    told = [answer(name, **changed) for name, changed in KINDS.items()]
    land(database, told)
    database.dbt(*BUILD)
    assert typed(database) == sorted(KINDS)
    later = [answer(f"later-{place}", at=(NOON + timedelta(days=1)).isoformat()) for place in range(3)]
    assert land(database, [*told, *later]).redelivered == len(told)
    database.dbt(*BUILD)
    assert typed(database) == sorted([*KINDS, *(one["prediction_id"] for one in later)])


def typed(database: Database) -> list[str]:
    """The ids of typed answers."""
    return [
        name
        for (name,) in database.query(
            "select record_id from typed.stg_predictions__answers order by record_id"
        )
    ]
