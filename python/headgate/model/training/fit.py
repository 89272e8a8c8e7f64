"""Fits a model on a dataset's rows and has it judged; knows nothing of the database."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from headgate.errors import UsageError
from headgate.model import encoding
from headgate.model.declared import Declaration
from headgate.model.evaluation.behaviour import judge_behaviour, judge_leakage
from headgate.model.evaluation.bootstrap import Drawings, numbered
from headgate.model.evaluation.evidence import BASE, MODEL, SIMPLE, Evidence
from headgate.model.evaluation.gates import (
    Judge,
    judge_calibration,
    judge_comparison,
    judge_rows,
    judge_skill,
    judge_slices,
)
from headgate.model.evaluation.slices import Slice, slices
from headgate.model.output import CLASSES
from headgate.model.package import MAIN_FILES
from headgate.model.signature import Signature
from headgate.model.splits import Split, folds, last_part
from headgate.model.tasks.base import Learned
from headgate.model.training.champion import Champion, champion_scores, judge_champion
from headgate.model.training.estimators import (
    FIXED,
    SEED,
    TRUSTED_TYPES,
    Fitted,
    LightGbm,
    Simple,
    base_rate,
)
from headgate.model.training.outcome import Outcome
from headgate.model.training.references import references
from headgate.model.training.rows import Rows
from headgate.model.training.tuning import tuned

#: Rows that the model of shuffled labels learns from, and that contributions are shown for, at most.
SAMPLE = 20_000
EXPLAINED = 500
Step = Callable[[str], None]


@dataclass
class _Parts:
    """Rows learned from and rows tested, encoded."""

    declared: Declaration
    task: Learned
    classes: tuple[str, ...]
    signature: Signature
    split: Split
    categories: dict[str, list[str]]
    train: Any
    learned: Any
    test: Any
    labels: Any

    def boosted(self, matrix: Any, labels: Any, parameters: Mapping[str, Any]) -> LightGbm:
        """LightGBM on some rows."""
        texts = [place for place, name in enumerate(self.declared.inputs) if name in self.categories]
        objective = self.task.objective(self.classes)
        return LightGbm(matrix, labels, self.declared.inputs, texts, parameters, objective)

    def simple(self, matrix: Any, labels: Any) -> Simple:
        """The simple model on some rows."""
        places = [self.declared.inputs.index(name) for name in self.declared.baseline]
        return Simple(matrix, labels, places, self.task)


def fit(
    declared: Declaration,
    task: Learned,
    signature: Signature,
    rows: Rows,
    judge: Judge,
    champion: Champion | None,
    step: Step,
) -> Outcome:
    """Fits on what is older than the tested part by the horizon, tests, judges.

    Args:
        declared: the model.
        task: the declared one.
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
        parts = _parts(declared, task, signature, rows)
        boosted, tried = _boosted(parts, rows, step)
        simple = parts.simple(parts.train, parts.learned)
        step("models fitted")
        drawings = Drawings(numbered(rows.groups(declared.group, parts.split.test)))
        scores = {"lightgbm": boosted.predict(parts.test), "sklearn": simple.predict(parts.test)}
        chosen, exchanged = _chosen(parts, judge, scores, drawings)
        fitted: Fitted = boosted if chosen == "lightgbm" else simple
        constant = task.constant(parts.learned, parts.classes)
        evidence = Evidence(
            task,
            parts.labels,
            {
                MODEL: scores[chosen],
                SIMPLE: scores["sklearn"],
                BASE: base_rate(constant, len(parts.test)),
                **champion_scores(champion, task, parts.classes, rows, parts.split.test),
            },
            drawings,
        )
        calibration, found = _judged(parts, rows, judge, evidence, fitted, champion, exchanged, step)
        return Outcome(
            flavour=fitted.flavour,
            inputs=tuple(declared.inputs[place] for place in fitted.places),
            files={MAIN_FILES[fitted.flavour]: fitted.content()},
            parameters={
                **({**FIXED, **task.objective(parts.classes)} if chosen == "lightgbm" else {}),
                **fitted.parameters,
                "tuning": tried,
            },
            options=_options(parts, fitted),
            references=_references(parts, fitted, evidence),
            evidence=evidence,
            slices=found,
            judge=judge,
            test_begins=parts.split.begins,
            learned_rows=len(parts.train),
            unlabelled_rows=rows.unlabelled,
            champion_version=champion.version if champion else None,
            summary=task.summary(parts.labels, parts.classes),
            calibration=calibration,
            importance=dict(
                zip(declared.inputs, fitted.importance(parts.test[:EXPLAINED]).tolist(), strict=True)
            ),
            simple=task.simple,
            exchanged=exchanged,
        )


def _parts(declared: Declaration, task: Learned, signature: Signature, rows: Rows) -> _Parts:
    split = last_part(rows.instants, declared.test, declared.horizon)
    categories = rows.categories(signature.inputs, split.train)
    train, test = (
        encoding.table(rows.table.take(places), signature.inputs, categories)
        for places in (split.train, split.test)
    )
    learned, labels = rows.labels[split.train], rows.labels[split.test]
    _require_finite(declared, np.concatenate([train, test]))
    _require_classes(declared, rows.classes, learned)
    return _Parts(declared, task, rows.classes, signature, split, categories, train, learned, test, labels)


def _require_finite(declared: Declaration, matrix: Any) -> None:
    infinite = np.isinf(matrix).sum(axis=0)
    if infinite.any():
        place = int(infinite.argmax())
        raise UsageError(
            f"model {declared.name}, input {declared.inputs[place]}",
            expected="finite numbers, or none",
            found=f"{infinite[place]} of {len(matrix)} rows with an infinite one",
            next_step="make it null where it is selected, for instance by dividing by nullif(..., 0)",
        )


def _require_classes(declared: Declaration, classes: tuple[str, ...], learned: Any) -> None:
    """Each class is among what is learned from: no model gives a class that it never saw a chance."""
    if learned.min() == learned.max():
        raise UsageError(
            f"model {declared.name}, label {declared.label}",
            expected="different labels among the rows that are learned from",
            found="one only",
            next_step="make a dataset of a longer time, or shorten splits.test or the horizon",
        )
    missing = [name for place, name in enumerate(classes) if not (learned == place).any()]
    if missing:
        raise UsageError(
            f"model {declared.name}, label {declared.label}",
            expected="each class among the rows that are learned from",
            found=f"{len(missing)} of {len(classes)} in later rows only",
            next_step="make a dataset of a longer time, or put rare classes together in the spine",
        )


def _boosted(parts: _Parts, rows: Rows, step: Step) -> tuple[LightGbm, list[dict[str, Any]]]:
    declared, split = parts.declared, parts.split
    place = np.full(len(rows.labels), -1)
    place[split.train] = np.arange(len(split.train))
    inner = [
        Split(place[part.train], place[part.test], part.begins)
        for part in folds(rows.instants, split.train, declared.folds, declared.horizon)
    ]
    parameters, tried = tuned(
        parts.task, parts.boosted, parts.train, parts.learned, inner, declared.candidates, step
    )
    return parts.boosted(parts.train, parts.learned, parameters), tried


def _chosen(
    parts: _Parts, judge: Judge, scores: dict[str, Any], drawings: Drawings
) -> tuple[str, str | None]:
    """The declared flavour; the simple model where LightGBM is clearly no match for it."""
    if parts.declared.flavour == "sklearn":
        return "sklearn", None
    task = parts.task
    ahead = Evidence(task, parts.labels, scores, drawings).difference(task.ranking, "lightgbm", "sklearn")
    if ahead.low >= -judge.threshold("not_worse_than_simple"):
        return "lightgbm", None
    title = task.titles[task.ranking]
    return "sklearn", f"the {task.simple}: LightGBM's {title} less its own is {ahead}"


def _judged(
    parts: _Parts,
    rows: Rows,
    judge: Judge,
    evidence: Evidence,
    fitted: Fitted,
    champion: Champion | None,
    exchanged: str | None,
    step: Step,
) -> tuple[dict[str, Any], list[Slice]]:
    """Every gate; the figures of calibration, and the slices."""
    declared, task = parts.declared, parts.task
    judge_rows(judge, len(parts.labels), evidence.drawings.count)
    judge_skill(judge, task, evidence)
    if exchanged:
        # It is the simple model, chosen on these very rows: the gate has nothing left to say.
        judge.warn("not_worse_than_simple", evidence.figures(MODEL)[task.ranking], exchanged)
    else:
        judge_comparison(judge, evidence, "not_worse_than_simple", SIMPLE, task.simple)
    judge_champion(judge, evidence, champion)
    calibration = judge_calibration(judge, evidence)
    step("figures drawn")
    columns = {name: rows.values(column, parts.split.test) for name, column in declared.slices.items()}
    found = slices(evidence, columns, int(judge.threshold("slice_smallest")))
    judge_slices(judge, task, found)
    unit = task.unit(parts.labels)
    judge_behaviour(
        judge, fitted.predict, parts.test, unit, declared.inputs, declared.invariant, declared.directions
    )
    shuffled = _shuffled(parts, fitted)
    judge_leakage(
        judge,
        task,
        declared.inputs,
        parts.test,
        parts.labels,
        (parts.train, parts.learned),
        shuffled,
        fitted.predict,
        evidence.drawings,
    )
    step("gates judged")
    return calibration, found


def _shuffled(parts: _Parts, fitted: Fitted) -> Callable[[Any], Any]:
    """Scores of a model like the fitted one that learned from shuffled labels."""
    generator = np.random.default_rng(SEED)
    places = generator.permutation(len(parts.train))[:SAMPLE]
    if parts.classes:
        # Of a large part a rare class could be missing.
        places = np.r_[places, np.unique(parts.learned, return_index=True)[1]]
    places = np.unique(places)
    matrix, labels = parts.train[places], generator.permutation(parts.learned[places])
    if isinstance(fitted, LightGbm):
        return parts.boosted(matrix, labels, fitted.parameters).predict
    return parts.simple(matrix, labels).predict


def _options(parts: _Parts, fitted: Fitted) -> dict[str, Any]:
    taken = [parts.declared.inputs[place] for place in fitted.places]
    return {
        encoding.CATEGORIES: {name: parts.categories[name] for name in taken if name in parts.categories},
        **({CLASSES: list(parts.classes)} if parts.classes else {}),
        **({"trusted_types": TRUSTED_TYPES} if fitted.flavour == "sklearn" else {}),
    }


def _references(parts: _Parts, fitted: Fitted, evidence: Evidence) -> Any:
    inputs = [parts.signature.inputs[place] for place in fitted.places]
    scores = parts.task.reference(evidence.scores[MODEL])
    return references(inputs, parts.train[:, fitted.places], parts.categories, scores)
