"""Fits a model on a dataset's rows and has it judged; knows nothing of the database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from headgate.model import encoding
from headgate.model.declared import Declaration
from headgate.model.evaluation.behaviour import judge_behaviour, judge_leakage
from headgate.model.evaluation.bootstrap import Drawings, numbered
from headgate.model.evaluation.evidence import BASE, CHAMPION, MODEL, SIMPLE, Evidence
from headgate.model.evaluation.gates import Judge, judge_calibration, judge_scores, judge_slices
from headgate.model.evaluation.slices import Slice, slices
from headgate.model.package import Package
from headgate.model.signature import Signature
from headgate.model.splits import Split, folds, last_part
from headgate.model.training.estimators import SEED, BaseRate, Fitted, LightGbm, Logistic
from headgate.model.training.rows import Rows
from headgate.model.training.tuning import tuned

#: Rows that the model of shuffled labels learns from, and that contributions are shown for, at most.
SAMPLE = 20_000
EXPLAINED = 500
OTHER = {"lightgbm": "LightGBM", "sklearn": "logistic regression"}


@dataclass
class Outcome:
    """A fitted and judged model."""

    fitted: Fitted
    split: Split
    #: Rows learned from, encoded.
    train: Any
    #: Rows tested, encoded.
    test: Any
    categories: dict[str, list[str]]
    evidence: Evidence
    slices: list[Slice]
    judge: Judge
    calibration: dict[str, Any]
    tried: list[dict[str, Any]]
    #: Mean absolute contribution in log odds, by input.
    importance: dict[str, float]
    #: Why another model than the declared one was put forward; None when it was not.
    exchanged: str | None

    @property
    def figures(self) -> dict[str, Any]:
        """All figures for the register."""
        scores = self.evidence.scores
        found = {name: self._of(name) for name in scores}
        differences = {
            name: {
                figure: self.evidence.difference(figure, MODEL, name).as_dict() for figure in ("auc", "brier")
            }
            for name in scores
            if name != MODEL
        }
        return {
            **found[MODEL],
            **self.calibration,
            "baselines": {name: found[name] for name in (SIMPLE, BASE)},
            "champion": found.get(CHAMPION),
            "differences": differences,
            "slices": [one.as_dict() for one in self.slices],
            "importance": self.importance,
            "positive_share": float(self.evidence.labels.mean()),
            "rows": {"train": len(self.train), "test": len(self.test)},
        }

    def _of(self, name: str) -> dict[str, Any]:
        return {figure: found.as_dict() for figure, found in self.evidence.figures(name).items()}


def fit(
    declared: Declaration,
    signature: Signature,
    rows: Rows,
    judge: Judge,
    champion: Package | None,
    step: Callable[[str], None],
) -> Outcome:
    """Fits on what is older than the tested part by the horizon, tests, judges.

    Args:
        declared: the model.
        signature: its inputs.
        rows: of the dataset.
        judge: notes the verdicts.
        champion: what is deployed, to be compared on the same rows.
        step: told what was done.

    Raises:
        UsageError: the dataset's time is too short, or a text is among the simple model's inputs.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        return _fit(declared, signature, rows, judge, champion, step)


def _fit(
    declared: Declaration,
    signature: Signature,
    rows: Rows,
    judge: Judge,
    champion: Package | None,
    step: Callable[[str], None],
) -> Outcome:
    split = last_part(rows.instants, declared.test, declared.horizon)
    categories = rows.categories(signature.inputs, split.train)
    train, test = (
        encoding.table(rows.table.take(places), signature.inputs, categories)
        for places in (split.train, split.test)
    )
    learned, labels = rows.labels[split.train], rows.labels[split.test]
    boosted, tried = _boosted(declared, signature, rows, split, train, categories, step)
    simple = Logistic(train, learned, [declared.inputs.index(name) for name in declared.baseline])
    step("models fitted")
    drawings = Drawings(numbered(rows.values(declared.group, split.test)))
    scores = {"lightgbm": boosted.predict(test), "sklearn": simple.predict(test)}
    chosen, exchanged = _chosen(declared, judge, labels, scores, drawings)
    fitted: Fitted = boosted if chosen == "lightgbm" else simple
    evidence = Evidence(
        labels,
        {
            MODEL: scores[chosen],
            SIMPLE: scores["sklearn"],
            BASE: BaseRate(float(learned.mean())).predict(test),
            **_champion_scores(champion, rows, split),
        },
        drawings,
    )
    judge_scores(judge, evidence, simple=OTHER["sklearn"])
    if champion is not None and CHAMPION not in evidence.scores:
        judge.warn(
            "not_worse_than_champion",
            evidence.figures(MODEL)["auc"],
            "the dataset lacks inputs of the champion: nothing was compared",
        )
    calibration = judge_calibration(judge, evidence)
    step("figures drawn")
    columns = {name: rows.values(column, split.test) for name, column in declared.slices.items()}
    parts = slices(evidence, columns, int(judge.threshold("slice_smallest")))
    judge_slices(judge, parts)
    judge_behaviour(judge, fitted.predict, test, declared.inputs, declared.invariant, declared.directions)
    shuffled = _shuffled(fitted, train, learned, declared, categories)
    judge_leakage(judge, declared.inputs, test, labels, shuffled, fitted.predict, drawings)
    step("gates judged")
    importance = fitted.importance(test[:EXPLAINED])
    return Outcome(
        fitted=fitted,
        split=split,
        train=train,
        test=test,
        categories=categories,
        evidence=evidence,
        slices=parts,
        judge=judge,
        calibration=calibration,
        tried=tried,
        importance=dict(zip(declared.inputs, importance.tolist(), strict=True)),
        exchanged=exchanged,
    )


def _boosted(
    declared: Declaration,
    signature: Signature,
    rows: Rows,
    split: Split,
    train: Any,
    categories: dict[str, list[str]],
    step: Callable[[str], None],
) -> tuple[LightGbm, list[dict[str, Any]]]:
    texts = _places(signature, categories)
    parts = folds(rows.instants, split.train, declared.folds, declared.horizon)
    place = np.full(len(rows.labels), -1)
    place[split.train] = np.arange(len(split.train))
    inner = [Split(place[part.train], place[part.test], part.begins) for part in parts]
    labels = rows.labels[split.train]
    parameters, tried = tuned(train, labels, declared.inputs, texts, inner, declared.candidates, step)
    return LightGbm(train, labels, declared.inputs, texts, parameters), tried


def _places(signature: Signature, categories: dict[str, list[str]]) -> list[int]:
    return [place for place, given in enumerate(signature.inputs) if given.name in categories]


def _chosen(
    declared: Declaration, judge: Judge, labels: Any, scores: dict[str, Any], drawings: Drawings
) -> tuple[str, str | None]:
    """The declared flavour; the simple model where LightGBM is clearly no match for it."""
    if declared.flavour == "sklearn":
        return "sklearn", None
    ahead = Evidence(labels, scores, drawings).difference("auc", "lightgbm", "sklearn")
    if ahead.low >= -judge.threshold("not_worse_than_simple"):
        return "lightgbm", None
    return "sklearn", f"the logistic regression: LightGBM's AUC less its own is {ahead}"


def _champion_scores(champion: Package | None, rows: Rows, split: Split) -> dict[str, Any]:
    """The champion's scores on the tested rows; none when the dataset lacks an input of it."""
    if champion is None or any(
        given.name not in rows.table.column_names for given in champion.signature.inputs
    ):
        return {}
    from headgate.model.flavours.load import load

    inputs = champion.signature.inputs
    matrix = encoding.table(rows.table.take(split.test), inputs, champion.options.get("categories", {}))
    predictor = load(champion)
    try:
        return {CHAMPION: np.array(predictor.predict(matrix))}
    finally:
        predictor.close()


def _shuffled(
    fitted: Fitted, train: Any, labels: Any, declared: Declaration, categories: dict[str, list[str]]
) -> Callable[[Any], Any]:
    """Scores of a model like the fitted one that learned from shuffled labels."""
    generator = np.random.default_rng(SEED)
    places = np.sort(generator.permutation(len(train))[:SAMPLE])
    labels = generator.permutation(labels[places])
    if isinstance(fitted, LightGbm):
        texts = [place for place, name in enumerate(declared.inputs) if name in categories]
        return LightGbm(train[places], labels, declared.inputs, texts, fitted.parameters).predict
    return Logistic(train[places], labels, fitted.places).predict


def inputs_of(fitted: Fitted, inputs: Sequence[str]) -> list[str]:
    """The names of the inputs that a fitted model takes."""
    return [inputs[place] for place in fitted.places]
