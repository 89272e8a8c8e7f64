"""Rows that are scored together: with those of other requests, and by two versions."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from headgate.model import flavours
from headgate.model.package import Package
from headgate.serving import scoring
from headgate.serving.answers import Answering
from headgate.serving.loaded import Deployment, Loaded
from headgate.serving.records import ANSWERED, FAILED, Made, Read
from headgate.serving.requests import Row
from headgate.serving.scoring import Scorer
from tests.four_models import CATEGORIES, package

VALUES = (
    {"size": 80, "kind": "small", "shop__orders_7d": 3},
    {"size": 3, "kind": "large", "shop__orders_7d": None},
)


class Notes:
    """A model that notes what it is asked, and gives it back."""

    waits = False
    explains = False
    encoder = None

    def __init__(self, name: str, asked: list[tuple[str, int]]) -> None:
        self.name, self.asked = name, asked

    def predict(self, rows: Any) -> list[Any]:
        """What it is asked."""
        return [self.predict_one(row) for row in rows]

    def predict_one(self, row: Any) -> Any:
        """The number."""
        self.asked.append((self.name, row["n"]))
        return row["n"]

    def contributions(self, values: Any) -> dict[str, float]:
        """None."""
        return {}

    def close(self) -> None:
        """Nothing."""


async def test_requests_of_a_turn_are_scored_version_by_version() -> None:
    """Each gets its own score; who is told to stop while it waits is not scored."""
    noted: list[tuple[str, int]] = []
    champion, challenger = (Scorer(Notes(name, noted), "binary", {}) for name in ("champion", "challenger"))

    async def ask(number: int) -> list[Any]:
        scored = [scorer.scored([{"n": number}]) for scorer in (champion, challenger)]
        return [(await one).rows for one in scored]

    tasks = [asyncio.create_task(ask(number)) for number in (1, 2, 3)]
    await asyncio.sleep(0)
    tasks[1].cancel()
    found = await asyncio.gather(*tasks, return_exceptions=True)
    assert found[0] == [[(1, None)]] * 2
    assert isinstance(found[1], asyncio.CancelledError)
    assert found[2] == [[(3, None)]] * 2
    assert noted[:2] == [("champion", 1), ("champion", 3)]
    assert {name for name, _ in noted[2:]} == {"challenger"}


async def test_an_error_of_one_request_is_not_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that nobody foresaw neither."""
    scorer = Scorer(Notes("champion", []), "binary", {})
    score = scorer.scored_now

    def fails_once(rows: Any) -> Any:
        if rows[0]["n"] == 1:
            raise MemoryError
        return score(rows)

    monkeypatch.setattr(scorer, "scored_now", fails_once)
    first, second = scorer.scored([{"n": 1}]), scorer.scored([{"n": 2}])
    with pytest.raises(MemoryError):
        await first
    assert (await second).rows == [(2, None)]
    assert (await scorer.scored([{"n": 3}, {"n": 4}])).rows == [(3, None), (4, None)]


class Fails(Notes):
    """A model that fails as a whole where a row is negative, and counts the rows that it is asked for."""

    rows = 0
    hold = threading.Event()

    def predict(self, rows: Any) -> list[Any]:
        """The numbers."""
        self.rows += len(rows)
        if self.waits:
            self.hold.wait()
        if any(row["n"] < 0 for row in rows):
            raise ValueError
        return [row["n"] for row in rows]

    def predict_one(self, row: Any) -> Any:
        """The number."""
        return self.predict([row])[0]


def test_a_batch_that_fails_is_asked_by_halves(monkeypatch: pytest.MonkeyPatch) -> None:
    """A row that fails costs its own answer, not a call for each of the others, nor all the time there is."""
    model = Fails("champion", [])
    rows = [{"n": place} for place in range(1000)]
    rows[400] = {"n": -1}
    found = Scorer(model, "regression", {}).scored_now(rows).rows
    assert found == [(place, None) if place != 400 else (None, "ValueError") for place in range(1000)]
    assert model.rows < 4000
    monkeypatch.setattr(scoring, "MOST_SECONDS_APART", 0.0)
    late = Scorer(model, "regression", {}).scored_now(rows).rows
    assert {error for _, error in late} == {"not asked: the batch fails, and its parts took 0 seconds"}


async def test_who_waits_for_others_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """While a process of its own is busy, its queue ends in time; whom it computes for waits on."""
    monkeypatch.setattr(scoring, "MOST_SECONDS_WAITING", 0.1)
    model = Fails("champion", [])
    model.waits = True
    scorer = Scorer(model, "regression", {})
    first, second = scorer.scored([{"n": 1}]), scorer.scored([{"n": 2}, {"n": 3}])
    assert (await second).rows == [(None, "too many requests wait for the model")] * 2
    model.hold.set()
    assert (await first).rows == [(1, None)]
    assert model.rows == 1
    scorer.close()


@contextlib.contextmanager
def deployed(*packages: Package) -> Iterator[Deployment]:
    """Versions 1 and 2, loaded."""
    versions = [Loaded(at, one, flavours.load(one), lambda: b"") for at, one in enumerate(packages, 1)]
    try:
        yield Deployment("will_ship", versions[0], versions[1] if versions[1:] else None, 0.0, 1)
    finally:
        for loaded in versions:
            loaded.scorer.close()


def made(values: dict[str, Any]) -> Made:
    """A row that the champion answers."""
    return Made(Row({"shop_id": 7}, {}, True), values, 1, False, "id", "7")


async def scored(deployment: Deployment, *values: dict[str, Any]) -> list[Made]:
    """Rows with their scores."""
    rows = [made(dict(row)) for row in values]
    nothing: Any = None
    assert not await Answering(nothing, nothing, nothing)._score(rows, deployment, Read(1, None, None))
    return rows


@pytest.mark.parametrize("rows", [VALUES[:1], VALUES], ids=["one", "batch"])
@pytest.mark.parametrize("flavour", ["lightgbm", "sklearn", "onnx"])
async def test_a_row_is_encoded_once_for_both_versions(
    flavour: str, rows: tuple[dict[str, Any], ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each scores what it scores of the values."""
    with deployed(package("lightgbm"), package(flavour)) as deployment:
        champion, challenger = (loaded.predictor for loaded in deployment.versions)
        expected = [(champion.predict_one(row), challenger.predict_one(row)) for row in rows]
        assert deployment.encoder is champion.encoder
        monkeypatch.setattr(challenger, "encoder", None)
        found = await scored(deployment, *rows)
    assert [one.status for one in found] == [ANSWERED] * len(rows)
    for one, (score, shadow) in zip(found, expected, strict=True):
        assert one.score == score
        assert one.shadow_score == pytest.approx(shadow, rel=1e-12)


async def test_what_cannot_be_encoded_is_said_by_each_version() -> None:
    """And fails alone."""
    with deployed(package("lightgbm"), package("lightgbm")) as deployment:
        (one,) = await scored(deployment, {**VALUES[0], "size": "many"})
    assert (one.status, one.error, one.shadow_error) == (FAILED, "ValueError", "ValueError")


async def test_versions_that_take_other_numbers_encode_for_themselves() -> None:
    """Categories in another order are other numbers; one version alone needs no sharing."""
    other = package("lightgbm", options={"categories": {"kind": CATEGORIES["kind"][::-1]}})
    with deployed(package("lightgbm")) as deployment:
        assert deployment.encoder is None
    with deployed(package("lightgbm"), package("pyfunc")) as deployment:
        assert deployment.encoder is None
    with deployed(package("lightgbm"), other) as deployment:
        assert deployment.encoder is None
        row = {**VALUES[0], "size": 50}
        (one,) = await scored(deployment, row)
        assert one.shadow_score == deployment.versions[1].predictor.predict_one(row) != one.score
