"""Makes answers: reads features, scores both versions, writes the log."""

from __future__ import annotations

import asyncio
import functools
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from headgate.errors import HeadgateError, UsageError
from headgate.model.encoding import Encoder
from headgate.model.flavours import Predictor
from headgate.serving import records
from headgate.serving.deployed import Follower
from headgate.serving.loaded import Deployment, Loaded
from headgate.serving.log import PredictionLog
from headgate.serving.records import ANSWERED, FAILED, REFUSED, Made, Read
from headgate.serving.refusals import Refusal
from headgate.serving.requests import MOST_EXPLAINED, Asked, Row
from headgate.serving.scoring import Scored
from headgate.serving.shadows import Shadows
from headgate.store.reading import FeatureStore

#: Explanations at once.
MOST_EXPLAINING = 2


class Answering:
    """Answers checked requests with what is deployed."""

    def __init__(self, follower: Follower, store: FeatureStore, log: PredictionLog) -> None:
        self._follower = follower
        self._store = store
        self._log = log
        self._explaining = ThreadPoolExecutor(MOST_EXPLAINING, "explaining")
        self.shadows = Shadows(log)

    async def answer(self, asked: Asked, deployment: Deployment) -> tuple[list[Made], Read]:
        """The rows with their answers, which are logged by now.

        Raises:
            Refusal: nothing was answered, or it could not be logged.
        """
        if asked.explain:
            _require_explainable(asked, deployment)
        read, deployment = await self._read(asked, deployment)
        rows = self._rows(asked, deployment, read)
        scored = [one for one in rows if one.status == ANSWERED]
        late = await self._score(scored, deployment, read)
        if asked.explain:
            await self._explain(scored, deployment)
        self._write(rows, late, deployment, read)
        return rows, read

    async def _read(self, asked: Asked, deployment: Deployment) -> tuple[Read, Deployment]:
        keys = [row.key for row in asked.rows if row.is_by_key and row.key is not None]
        if not keys:
            return Read(deployment.release_id, None, None), deployment
        begun = time.perf_counter()
        try:
            answer = await self._store.online(deployment.views, keys)
        except UsageError as error:
            raise Refusal.of(422, error) from None
        except HeadgateError as error:
            raise Refusal.of(503, error) from None
        if answer.release != deployment.release_id:
            deployment = await self._bound(answer.release)
        reached = answer.processed_to
        staleness = (datetime.now(UTC) - reached).total_seconds() if reached else None
        return Read(answer.release, staleness, answer, time.perf_counter() - begun), deployment

    async def _bound(self, release: int) -> Deployment:
        """The deployment that fits a release which became active a moment ago."""
        found = await self._follower.settle(release)
        if found is not None:
            return found
        if self._follower.refusal is not None:
            raise Refusal.of(503, self._follower.refusal)
        raise Refusal(
            503,
            f"model {self._follower.model}",
            expected="a model that is bound to the active release",
            found=f"release {release} became active a moment ago",
            next_step="ask again in a second",
        )

    def _rows(self, asked: Asked, deployment: Deployment, read: Read) -> list[Made]:
        entities = iter(read.answer.entities if read.answer else ())
        made = []
        for row in asked.rows:
            one = _begun(row, deployment)
            if row.is_by_key:
                _fetch(one, next(entities).features, deployment)
            made.append(one)
        return made

    async def _score(self, rows: Sequence[Made], deployment: Deployment, read: Read) -> list[Made]:
        """Each row is answered by one version, the other is its shadow; rows whose shadow is not there yet.

        A version that computes in this process is asked by all requests of a turn before the next one is; one
        that waits for another process keeps nobody waiting but whom it answers.
        """
        late: list[Made] = []
        answers, shadows = [], []
        encoder = deployment.encoder
        if encoder is not None:
            for one in rows:
                one.encoded = _encoded(encoder, one.values)
        for loaded in deployment.versions:
            own = [one for one in rows if one.version == loaded.version]
            others = [
                one for one in rows if one.version != loaded.version and loaded in deployment.asked(one.row)
            ]
            if own:
                answers.append((own, loaded.scorer.scored([one.asked for one in own])))
            if others and loaded.scorer.waits:
                late += others
            elif others:
                shadows.append((others, loaded.scorer.scored([one.asked for one in others])))
        for part, scored in answers:
            _answer(part, await scored, read)
        for part, scored in shadows:
            _shadow(part, await scored)
        return late

    async def _explain(self, rows: Sequence[Made], deployment: Deployment) -> None:
        loop = asyncio.get_running_loop()
        for one in rows:
            predictor = _version(one, deployment).predictor
            if not predictor.explains:
                one.not_explained = f"version {one.version} cannot be explained"
            elif one.status == ANSWERED:
                explain = functools.partial(_explain, one, predictor)
                await loop.run_in_executor(self._explaining, explain)

    def _write(self, rows: Sequence[Made], late: Sequence[Made], deployment: Deployment, read: Read) -> None:
        shared = records.shared_of(deployment, read)
        taken = self.shadows.begun(late, deployment, shared) if late else ()
        whole = [one for one in rows if one not in taken] if taken else rows
        if whole:
            self._log.append(b"".join([records.record(one, deployment, shared) for one in whole]))


def _begun(row: Row, deployment: Deployment) -> Made:
    prediction_id = records.new_id()
    key = deployment.champion.key_text(row, prediction_id)
    answering = deployment.answering(row, key)
    is_challenger = answering is not deployment.champion
    return Made(row, dict(row.values), answering.version, is_challenger, prediction_id, key)


def _fetch(one: Made, features: Mapping[str, Any], deployment: Deployment) -> None:
    """Adds what was read; an unknown entity is answered without, or refused, as the model declares."""
    for view, (columns, names) in deployment.fetched.items():
        found = features[view]
        if found is None:
            one.missing += (view,)
            one.values.update(dict.fromkeys(names))
        else:
            one.as_of[view] = found.as_of.isoformat()
            one.values.update(zip(names, found.picked(columns), strict=True))
    if one.missing and deployment.champion.refuses_unknown:
        one.status, one.error = REFUSED, f"no features of this entity in {', '.join(one.missing)}"


def _encoded(encoder: Encoder, values: Mapping[str, Any]) -> list[float] | None:
    """The row for both versions; None where it cannot be encoded: each of them says so itself then."""
    try:
        return encoder.row(values)
    except Exception:
        return None


def _version(one: Made, deployment: Deployment) -> Loaded:
    if one.is_challenger:
        assert deployment.challenger is not None
        return deployment.challenger
    return deployment.champion


def _explain(one: Made, predictor: Predictor) -> None:
    try:
        one.contributions = predictor.contributions(one.values)
    except Exception as error:
        one.not_explained = type(error).__name__


def _answer(rows: Sequence[Made], scored: Scored, read: Read) -> None:
    for one, (score, error) in zip(rows, scored.rows, strict=True):
        one.score, one.error, one.seconds = score, error, read.seconds + scored.seconds
        one.status = FAILED if error else ANSWERED


def _shadow(rows: Sequence[Made], scored: Scored) -> None:
    for one, (score, error) in zip(rows, scored.rows, strict=True):
        one.shadow_score, one.shadow_error, one.shadow_seconds = score, error, scored.seconds


def _require_explainable(asked: Asked, deployment: Deployment) -> None:
    if len(asked.rows) > MOST_EXPLAINED:
        raise Refusal(
            422,
            "explain",
            expected=f"at most {MOST_EXPLAINED} rows",
            found=str(len(asked.rows)),
            next_step="ask for explanations in smaller batches; scores alone take up to 1,000 rows",
        )
    if not deployment.explains:
        package = deployment.champion.package
        raise Refusal(
            422,
            "explain",
            expected="a model that can be explained: LightGBM or linear, with one score",
            found=f"flavour {package.flavour}, task {package.task}",
            next_step="ask for the score alone",
        )
