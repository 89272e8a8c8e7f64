"""What is told of an answered row: to the client, and to the prediction log."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from headgate.model.encoding import plain
from headgate.model.flavours import Values
from headgate.model.output import Output
from headgate.serving.loaded import Deployment, Loaded
from headgate.serving.requests import Row
from headgate.store.reading.answers import Answer

ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"


@dataclass(slots=True, eq=False)
class Made:
    """One row, on its way to its answer."""

    row: Row
    values: dict[str, Any]
    #: The version that answers, and whether it is the challenger.
    version: int
    is_challenger: bool
    prediction_id: str
    #: The key as text, the unit of a canary.
    key: str
    #: The values as numbers, where both versions take the same.
    encoded: list[float] | None = None
    status: str = ANSWERED
    error: str | None = None
    score: Any = None
    #: Of the version that does not answer.
    shadow_score: Any = None
    shadow_error: str | None = None
    shadow_seconds: float | None = None
    #: To read the features, and to score with the version that answers.
    seconds: float = 0.0
    missing: tuple[str, ...] = ()
    as_of: dict[str, str] = field(default_factory=dict)
    contributions: Mapping[str, float] | None = None
    #: Why there are none, where they were asked for.
    not_explained: str | None = None

    @property
    def asked(self) -> Values:
        """What versions are asked for."""
        return self.values if self.encoded is None else self.encoded

    @property
    def role(self) -> str:
        """What the version that answers is."""
        return "challenger" if self.is_challenger else "champion"


@dataclass(frozen=True, slots=True)
class Read:
    """What was read from the feature store for a request."""

    release_id: int | None
    staleness_seconds: float | None
    answer: Answer | None
    seconds: float = 0.0


def new_id() -> str:
    """The id of an answer."""
    return str(uuid.uuid4())


def told(one: Made, model: str, read: Read) -> dict[str, Any]:
    """A row's answer for the client."""
    answer: dict[str, Any] = {
        "prediction_id": one.prediction_id,
        "status": one.status,
        **_said(one.score),
        "model": model,
        "version": one.version,
        "role": one.role,
        "release": read.release_id,
        "as_of": one.as_of,
        "staleness_seconds": read.staleness_seconds,
    }
    if one.missing:
        answer["missing_views"] = one.missing
    if one.error is not None:
        answer["error"] = one.error
    if one.contributions is not None:
        answer["contributions"] = one.contributions
    if one.not_explained is not None:
        answer["not_explained"] = one.not_explained
    return answer


def record(one: Made, deployment: Deployment, shared: Mapping[str, Any]) -> bytes:
    """A row's record for the log, personal values minimised.

    Args:
        one: the row.
        deployment: what answered it.
        shared: what all rows of the request have in common.
    """
    champion, challenger = deployment.champion, deployment.challenger
    answering = challenger if one.is_challenger and challenger else champion
    other = champion if one.is_challenger else challenger
    shadow = other and {
        "version": other.version,
        **_scores(one.shadow_score, other),
        "error": one.shadow_error,
        "seconds": one.shadow_seconds,
    }
    return orjson.dumps(
        {
            "prediction_id": one.prediction_id,
            **shared,
            "version": one.version,
            "role": one.role,
            "shadow": shadow,
            "key": champion.logged_key(one.row, one.key),
            "as_of": one.as_of,
            **_scores(one.score, answering),
            "answer": answering.logged_answer(
                one.score.answer if isinstance(one.score, Output) else one.score
            ),
            "status": one.status,
            "error": one.error,
            "seconds": one.seconds,
            "features": champion.logged(one.values),
            "explained": one.contributions is not None,
        },
        default=plain,
        option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE,
    )


def shared_of(deployment: Deployment, read: Read) -> dict[str, Any]:
    """What the records of a request have in common."""
    challenger = deployment.challenger
    return {
        "at": datetime.now(UTC),
        "model": deployment.model,
        "champion_version": deployment.champion.version,
        "challenger_version": challenger.version if challenger else None,
        "canary_share": deployment.share,
        "release_id": read.release_id,
        "staleness_seconds": read.staleness_seconds,
    }


def _said(score: Any) -> dict[str, Any]:
    """The score for the client; of several classes also the likeliest, and the chance of each."""
    if isinstance(score, Output):
        return score.told()
    return {"score": score}


def _scores(score: Any, loaded: Loaded) -> dict[str, Any]:
    """The score for the log's fields."""
    if isinstance(score, Output):
        return {"score": score.score, "probabilities": loaded.logged_chances(score)}
    return {"score": _number(score)}


def _number(score: Any) -> float | None:
    """The score for the log's field of numbers; anything else has a field of its own."""
    return score if isinstance(score, int | float) and not isinstance(score, bool) else None
