"""Makes answers: reads features, scores both versions, writes the log."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import orjson

from headgate.errors import HeadgateError, UsageError
from headgate.model.flavours import PredictionError
from headgate.model.split import in_canary
from headgate.serving.deployed import Deployment, Follower, Loaded
from headgate.serving.log import PredictionLog
from headgate.serving.refusals import Refusal
from headgate.serving.requests import Asked, Row
from headgate.store.reading import FeatureStore
from headgate.store.reading.answers import Answer

#: Rows of one request that are explained at most, and explanations at once.
MOST_EXPLAINED, MOST_EXPLAINING = 20, 2
ANSWERED, REFUSED, FAILED = "answered", "refused", "failed"


@dataclass
class Made:
    """One row, on its way to its answer."""

    row: Row
    values: dict[str, Any]
    key: str
    status: str = ANSWERED
    error: str | None = None
    score: Any = None
    shadow_score: Any = None
    shadow_error: str | None = None
    #: The version that answers, and whether it is the challenger.
    version: int = 0
    is_challenger: bool = False
    missing: tuple[str, ...] = ()
    as_of: dict[str, str] = field(default_factory=dict)
    contributions: Mapping[str, float] | None = None
    prediction_id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass(frozen=True)
class Read:
    """What was read from the feature store for a request."""

    release_id: int | None
    staleness_seconds: float | None
    answer: Answer | None


class Answering:
    """Answers checked requests with what is deployed."""

    def __init__(self, model: str, follower: Follower, store: FeatureStore, log: PredictionLog) -> None:
        self._model = model
        self._follower = follower
        self._store = store
        self._log = log
        self._explaining = asyncio.Semaphore(MOST_EXPLAINING)

    async def answer(self, asked: Asked, deployment: Deployment) -> tuple[list[Made], Read, Deployment]:
        """The rows with their answers, which are logged by now.

        Raises:
            Refusal: nothing was answered, or it could not be logged.
        """
        begun = time.perf_counter()
        read, deployment = await self._read(asked, deployment)
        rows = self._rows(asked, deployment, read)
        await self._score(rows, deployment)
        if asked.explain:
            await self._explain(rows, deployment)
        self._write(rows, deployment, read, time.perf_counter() - begun)
        return rows, read, deployment

    async def _read(self, asked: Asked, deployment: Deployment) -> tuple[Read, Deployment]:
        keys = [row.key for row in asked.rows if row.is_by_key]
        if not keys:
            return Read(deployment.release_id, None, None), deployment
        views = _views(deployment)
        try:
            answer = await self._store.online(views, [key for key in keys if key is not None])
        except UsageError as error:
            raise Refusal.of(422, error) from None
        except HeadgateError as error:
            raise Refusal.of(503, error) from None
        if answer.release != deployment.release_id:
            deployment = await self._bound(answer.release)
        reached = answer.processed_to
        staleness = (datetime.now(UTC) - reached).total_seconds() if reached else None
        return Read(answer.release, staleness, answer), deployment

    async def _bound(self, release: int) -> Deployment:
        """The deployment that fits a release which became active a moment ago."""
        found = await self._follower.settle(release)
        if found is not None:
            return found
        if self._follower.refusal is not None:
            raise Refusal.of(503, self._follower.refusal)
        raise Refusal(
            503,
            f"model {self._model}",
            expected="a model that is bound to the active release",
            found=f"release {release} became active a moment ago",
            next_step="ask again in a second",
        )

    def _rows(self, asked: Asked, deployment: Deployment, read: Read) -> list[Made]:
        entities = iter(read.answer.entities if read.answer else ())
        made = []
        for row in asked.rows:
            one = Made(row, dict(row.values), "")
            one.key = _key_text(deployment.champion, row, one.prediction_id)
            if row.is_by_key:
                _fetch(one, next(entities).features, deployment.champion)
            self._choose(one, deployment)
            made.append(one)
        return made

    def _choose(self, one: Made, deployment: Deployment) -> None:
        challenger = deployment.challenger
        one.is_challenger = challenger is not None and in_canary(
            self._model, challenger.version, one.key, deployment.share
        )
        answering = challenger if challenger is not None and one.is_challenger else deployment.champion
        one.version = answering.version

    async def _score(self, rows: Sequence[Made], deployment: Deployment) -> None:
        """Both versions score every row; each row is answered by one, the other is its shadow."""
        asked = [one for one in rows if one.status == ANSWERED]
        for loaded in (deployment.champion, deployment.challenger):
            if loaded is None or not asked:
                continue
            scores = await _scores(loaded, [one.values for one in asked])
            for one, (score, error) in zip(asked, scores, strict=True):
                if one.version == loaded.version:
                    one.score, one.error = score, error
                    one.status = FAILED if error else ANSWERED
                else:
                    one.shadow_score, one.shadow_error = score, error

    async def _explain(self, rows: Sequence[Made], deployment: Deployment) -> None:
        if len(rows) > MOST_EXPLAINED:
            raise Refusal(
                422,
                "explain",
                expected=f"at most {MOST_EXPLAINED} rows",
                found=str(len(rows)),
                next_step="ask for explanations in smaller batches; scores alone take up to 1,000 rows",
            )
        for one in rows:
            loaded = deployment.champion if not one.is_challenger else deployment.challenger
            assert loaded is not None
            if not loaded.predictor.explains:
                raise Refusal(
                    422,
                    "explain",
                    expected="a model that can be explained: LightGBM or linear",
                    found=f"flavour {loaded.package.flavour}",
                    next_step="ask for the score alone",
                )
            if one.status == ANSWERED:
                async with self._explaining:
                    one.contributions = await asyncio.to_thread(loaded.predictor.contributions, one.values)

    def _write(self, rows: Sequence[Made], deployment: Deployment, read: Read, seconds: float) -> None:
        at = datetime.now(UTC)
        challenger = deployment.challenger.version if deployment.challenger else None
        shared = {
            "at": at,
            "model": self._model,
            "champion_version": deployment.champion.version,
            "challenger_version": challenger,
            "canary_share": deployment.share,
            "release_id": read.release_id,
            "staleness_seconds": read.staleness_seconds,
            "seconds": seconds,
        }
        self._log.append(b"".join(_line(one, shared) for one in rows))


def told(one: Made, model: str, read: Read) -> dict[str, Any]:
    """A row's answer for the client."""
    answer: dict[str, Any] = {
        "prediction_id": one.prediction_id,
        "status": one.status,
        "score": one.score,
        "model": model,
        "version": one.version,
        "role": _role(one),
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
    return answer


def _views(deployment: Deployment) -> list[str]:
    found: dict[str, None] = {}
    for loaded in (deployment.champion, deployment.challenger):
        if loaded is not None:
            found |= dict.fromkeys(given.view for given in loaded.package.signature.fetched if given.view)
    return list(found)


def _fetch(one: Made, features: Mapping[str, Any], champion: Loaded) -> None:
    """Adds what was read; an unknown entity is answered without, or refused, as the model declares."""
    one.missing = tuple(view for view, found in features.items() if found is None)
    one.as_of = {view: found.as_of.isoformat() for view, found in features.items() if found is not None}
    for view, found in features.items():
        if found is not None:
            one.values.update((f"{view}__{column}", value) for column, value in found.items())
    for given in champion.package.signature.fetched:
        one.values.setdefault(given.name, None)
    if one.missing and champion.package.options.get("unknown_entity", "missing") == "refuse":
        one.status, one.error = REFUSED, f"no features of this entity in {', '.join(one.missing)}"


def _key_text(champion: Loaded, row: Row, prediction_id: str) -> str:
    """The key as text, as the canary's unit; a row without one is a unit of its own."""
    if not row.key:
        return prediction_id
    names = champion.package.options.get("spine_keys") or [
        name for name, _ in champion.package.signature.keys
    ]
    return "|".join(str(row.key.get(name, row.values.get(name))) for name in names)


async def _scores(loaded: Loaded, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, str | None]]:
    """By row a score or an error; a batch that fails as a whole is asked row by row."""
    predictor = loaded.predictor
    if predictor.waits:
        return await asyncio.to_thread(_tried, loaded, rows)
    return _tried(loaded, rows)


def _tried(loaded: Loaded, rows: Sequence[Mapping[str, Any]]) -> list[tuple[Any, str | None]]:
    if len(rows) > 1:
        try:
            return [(score, None) for score in loaded.predictor.predict(rows)]
        except (PredictionError, KeyError, TypeError, ValueError):
            return [_tried(loaded, [row])[0] for row in rows]
    try:
        return [(loaded.predictor.predict_one(rows[0]), None)]
    except PredictionError as error:
        return [(None, error.found)]
    except (KeyError, TypeError, ValueError) as error:
        return [(None, type(error).__name__)]


def _role(one: Made) -> str:
    return "challenger" if one.is_challenger else "champion"


def _number(score: Any) -> float | None:
    """The score for the log, whose contract has numbers only."""
    return score if isinstance(score, int | float) else None


def _line(one: Made, shared: Mapping[str, Any]) -> bytes:
    other = shared["champion_version"] if one.is_challenger else shared["challenger_version"]
    shadow = {"version": other, "score": _number(one.shadow_score), "error": one.shadow_error}
    return orjson.dumps(
        {
            "prediction_id": one.prediction_id,
            **shared,
            "version": one.version,
            "role": _role(one),
            "shadow": shadow if other is not None else None,
            "key": one.key,
            "as_of": one.as_of,
            "score": _number(one.score),
            "status": one.status,
            "error": one.error,
            "features": one.values,
            "explained": one.contributions is not None,
        },
        default=str,
        option=orjson.OPT_UTC_Z | orjson.OPT_APPEND_NEWLINE,
    )
