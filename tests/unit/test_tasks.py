"""Tasks on made-up rows of a known mechanism: near the best possible score, at chance without a signal."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.errors import UsageError
from headgate.model.contracts import canonical
from headgate.model.declared import Declaration
from headgate.model.evaluation.bootstrap import Drawings, unbiased
from headgate.model.evaluation.figures import Calibration, Means
from headgate.model.evaluation.gates import Judge
from headgate.model.evaluation.policy import policy
from headgate.model.flavours import load
from headgate.model.package import Package
from headgate.model.signature import Input, Signature
from headgate.model.tasks import LEARNED, TASKS
from headgate.model.training.fit import fit
from headgate.model.training.outcome import Outcome
from headgate.model.training.rows import Rows
from tests.examples import examples

ROWS = 3000
INPUTS = (
    Input(name="size", type="double precision", nullable=True),
    Input(name="kind", type="text", nullable=True),
    Input(name="noise", type="double precision", nullable=True),
)
DECLARED = Declaration(
    name="made_up",
    file=Path("made_up.yml"),
    description="",
    owner="",
    task="regression",
    flavour="lightgbm",
    spine="training.made_up",
    label="label",
    views={},
    inputs=tuple(given.name for given in INPUTS),
    horizon=timedelta(hours=1),
    baseline=("size", "noise"),
    group=("shop",),
    test=timedelta(hours=10),
    folds=1,
    candidates=2,
    slices={"kind": "kind"},
    gates={"invariance": 0.1},
    invariant=("noise",),
)
CLASSES = ["lost", "returned", "sent"]


def made_up(signal: float = 1.0) -> tuple[dict[str, Any], Any, Any]:
    """Columns; what is expected of a quantity whose error is 1; the chances of three classes."""
    drawn = np.random.default_rng(3)
    size, noise = drawn.normal(size=(2, ROWS))
    kind = drawn.integers(0, 3, ROWS)
    expected = signal * (2 * np.abs(size) + 1.5 * kind)
    logits = signal * np.column_stack([2 * size, 2.0 * (kind == 1), -2 * size])
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    columns = {
        "size": size,
        "kind": pa.array([("box", "letter", "parcel")[place] for place in kind]),
        "noise": noise,
        "shop": drawn.integers(0, 200, ROWS),
        "quantity": expected + drawn.normal(size=ROWS),
        "class": pa.array([CLASSES[drawn.choice(3, p=row)] for row in chances]),
    }
    return columns, expected, chances


def rows_of(columns: dict[str, Any], task: str, label: str) -> Rows:
    """Them as a dataset's, over forty hours."""
    table = pa.table(columns)
    labels = TASKS[task].labels(table[label], f"label {label}")
    instants = np.linspace(0, 40 * 3600e6, ROWS).astype(np.int64)
    return Rows(table, labels.values, labels.classes, instants, 0)


def fitted(rows: Rows, task: str, **changed: Any) -> Outcome:
    """A model of the rows, judged."""
    declared = replace(DECLARED, task=task, **changed)
    inputs = tuple(given for given in INPUTS if given.name in declared.inputs)
    signature = Signature(inputs=inputs, keys=(), output=("label", "double precision"))
    judge = Judge(policy(Path("nowhere"), declared.gates, "here"))
    return fit(declared, LEARNED[task], signature, rows, judge, None, lambda done: None)


def failed(outcome: Outcome) -> dict[str, str]:
    """Reasons of the gates that did not pass."""
    return {one.gate: one.reason for one in outcome.judge.verdicts if one.verdict == "failed"}


def served(outcome: Outcome, task: str) -> Any:
    """The model as a server loads it."""
    inputs = tuple(given for given in INPUTS if given.name in outcome.inputs)
    signature = Signature(inputs=inputs, keys=(), output=("label", "double precision"))
    return load(
        Package(
            name="made_up",
            task=task,
            flavour=outcome.flavour,
            signature=signature,
            views={},
            files=outcome.files,
            options=outcome.options,
        )
    )


@pytest.mark.parametrize("flavour", ["lightgbm", "sklearn"])
def test_a_regression_comes_near_the_best_possible_error(flavour: str) -> None:
    """The error is near that of the true expectation, or of what a straight line can be; it passes."""
    columns, expected, _ = made_up()
    rows = rows_of(columns, "regression", "quantity")
    outcome = fitted(rows, "regression", flavour=flavour)
    figures = outcome.figures
    tested = figures["rows"]["test"]
    best = float(np.sqrt(np.mean((columns["quantity"] - expected)[-tested:] ** 2)))
    assert figures["rmse"]["value"] < (best * 1.1 if flavour == "lightgbm" else 3)
    assert figures["rmse"]["low"] < figures["rmse"]["value"] < figures["rmse"]["high"]
    assert figures["baselines"]["base_rate"]["r2"]["value"] == pytest.approx(0, abs=0.01)
    if flavour == "lightgbm":
        assert not failed(outcome)
        assert outcome.flavour == "lightgbm"
        assert figures["differences"]["simple"]["r2"]["low"] > 0.2
        assert figures["r2"]["value"] > 1 - best**2 / np.var(columns["quantity"]) - 0.05
    model = served(outcome, "regression")
    row = {name: pa.table(columns)[name][5].as_py() for name in DECLARED.inputs}
    assert model.predict_one(row) == pytest.approx(expected[5], abs=4)
    model.close()


@pytest.mark.parametrize("flavour", ["lightgbm", "sklearn"])
def test_classes_come_near_the_best_possible_log_loss(flavour: str) -> None:
    """The log loss is near that of the true chances; what is served are chances of the named classes."""
    columns, _, chances = made_up()
    rows = rows_of(columns, "multiclass", "class")
    outcome = fitted(rows, "multiclass", flavour=flavour)
    figures = outcome.figures
    tested = figures["rows"]["test"]
    places = rows.labels[-tested:].astype(int)
    best = float(-np.log(chances[-tested:][np.arange(tested), places]).mean())
    assert rows.classes == tuple(CLASSES)
    assert figures["log_loss"]["value"] < best + (0.06 if flavour == "lightgbm" else 0.2)
    assert figures["baselines"]["base_rate"]["skill"]["value"] == pytest.approx(0, abs=0.01)
    assert sum(figures["class_shares"].values()) == pytest.approx(1)
    if flavour == "lightgbm":
        assert not failed(outcome)
        (left,) = (one for one in outcome.judge.verdicts if one.gate == "destroyed_signal")
        assert left.figure < 0 < figures["skill"]["low"]
    assert outcome.options["classes"] == CLASSES
    model = served(outcome, "multiclass")
    row = {name: pa.table(columns)[name][5].as_py() for name in DECLARED.inputs}
    found = model.predict_one(row)
    assert len(found) == 3
    assert sum(found) == pytest.approx(1)
    assert found == pytest.approx(chances[5], abs=0.25 if flavour == "lightgbm" else 0.6)
    model.close()


@pytest.mark.parametrize(("task", "label"), [("regression", "quantity"), ("multiclass", "class")])
def test_a_destroyed_signal_scores_at_chance(task: str, label: str) -> None:
    """Without a mechanism the model is not better than the labels' mean, and is refused for it."""
    columns, *_ = made_up(signal=0.0)
    outcome = fitted(rows_of(columns, task, label), task)
    ranking = outcome.figures[TASKS[task].ranking]
    assert ranking["low"] < 0.02
    assert "beats_base_rate" in failed(outcome)
    assert "a fall by" in failed(outcome)["destroyed_signal"]


@pytest.mark.parametrize(("task", "label"), [("regression", "quantity"), ("multiclass", "class")])
def test_a_leaked_feature_and_a_biased_slice_are_refused(task: str, label: str) -> None:
    """An input that is the label in other words, and a kind whose labels turn round in the tested part."""
    columns, *_ = made_up()
    rows = rows_of(columns, task, label)
    leaked = {**columns, "noise": rows.labels * 3 + 1}
    assert failed(fitted(rows_of(leaked, task, label), task, invariant=()))["leaked_feature"].startswith(
        "noise"
    )
    late = np.arange(ROWS) > ROWS * 3 // 4
    turned = late & (np.array(columns["kind"].to_pylist()) == "parcel")
    values = (
        np.where(turned, columns["quantity"] - 6, columns["quantity"])
        if task == "regression"
        else pa.array(np.where(turned, "sent", np.array(columns["class"].to_pylist())))
    )
    found = failed(fitted(rows_of({**columns, label: values}, task, label), task))
    assert "kind parcel" in found["slice_calibration"]
    assert "kind parcel" in found["slice_skill_gap"]


@pytest.mark.parametrize(
    ("task", "values", "message"),
    [
        ("binary", ["yes", "no"], "a column of string"),
        ("binary", [1, 1], "found 1"),
        ("binary", [0, 2], "found 0, 2"),
        ("regression", ["a", "b"], "a column of string"),
        ("regression", [1.5, 1.5], "one value only"),
        ("regression", [1.5, float("inf")], "NaN or an infinite one"),
        ("multiclass", [1.5, 2.5], "a column of double"),
        ("multiclass", ["a", "a"], "found 1"),
        ("multiclass", [str(place) for place in range(101)], "found 101"),
    ],
)
def test_labels_of_another_kind_are_refused(task: str, values: list[Any], message: str) -> None:
    """The message says what was found."""
    with pytest.raises(UsageError, match=message):
        TASKS[task].labels(pa.chunked_array([values]), "label paid")


def test_a_class_that_is_only_tested_is_named() -> None:
    """No model gives a chance to what it never saw."""
    columns, *_ = made_up()
    late = np.array(columns["class"].to_pylist())
    late[-5:] = "wrecked"
    with pytest.raises(UsageError, match="1 of 4 in later rows only"):
        fitted(rows_of({**columns, "class": pa.array(late)}, "multiclass", "class"), "multiclass")


@settings(deadline=None, max_examples=examples(50))
@given(
    st.lists(
        st.tuples(st.integers(-50, 50), st.integers(-50, 50), st.integers(0, 3)), min_size=2, max_size=30
    )
)
def test_figures_of_quantities_are_those_of_scikit_learn(rows: list[tuple[int, int, int]]) -> None:
    """With weights."""
    from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

    labels, scores, weights = (np.array([row[place] for row in rows], dtype=float) for place in range(3))
    if len(set(labels[weights > 0])) < 2:
        return
    found = {
        name: values[0]
        for name, values in TASKS["regression"].measured(labels, scores).drawn(weights[None]).items()
    }
    assert found["mae"] == pytest.approx(mean_absolute_error(labels, scores, sample_weight=weights))
    assert found["rmse"] == pytest.approx(root_mean_squared_error(labels, scores, sample_weight=weights))
    assert found["r2"] == pytest.approx(r2_score(labels, scores, sample_weight=weights), abs=1e-9)


@settings(deadline=None, max_examples=examples(50))
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 9), st.integers(1, 9), st.integers(0, 3)),
        min_size=3,
        max_size=30,
    )
)
def test_figures_of_classes_are_those_of_scikit_learn(rows: list[tuple[int, int, int, int]]) -> None:
    """With weights; without skill where the classes' shares are what is said."""
    from sklearn.metrics import accuracy_score, log_loss

    labels = np.array([row[0] for row in rows], dtype=float)
    weights = np.array([row[3] for row in rows], dtype=float)
    scores = np.array([[row[1], row[2], 3] for row in rows]) / [[row[1] + row[2] + 3] for row in rows]
    if not weights.sum():
        return
    task = LEARNED["multiclass"]
    found = {name: values[0] for name, values in task.measured(labels, scores).drawn(weights[None]).items()}
    assert found["log_loss"] == pytest.approx(
        log_loss(labels, scores, sample_weight=weights, labels=[0, 1, 2])
    )
    accuracy = accuracy_score(labels, scores.argmax(axis=1), sample_weight=weights)
    assert found["accuracy"] == pytest.approx(accuracy)
    if len(set(labels)) == 3:
        shares = np.tile(task.constant(labels, CLASSES), (len(labels), 1))
        assert task.measured(labels, shares).of()["skill"] == pytest.approx(0, abs=1e-9)


def test_drawings_at_once_are_those_one_by_one() -> None:
    """Of all rows and of some; a round without any of them has no figure."""
    values = np.random.default_rng(0).normal(size=90)
    drawings = Drawings(np.arange(90) // 30, rounds=300)
    members = np.arange(90) < 30
    together = drawings.figures(Means({"mean": values[members]}), members)["mean"]
    assert np.isnan(together).any()
    assert together[~np.isnan(together)] == pytest.approx(values[members].mean())


def test_the_calibration_error_is_that_of_its_bins() -> None:
    """Scores that are too high by a tenth are off by a tenth."""
    drawn = np.random.default_rng(1)
    scores = drawn.uniform(0.1, 0.9, 20_000)
    labels = (drawn.uniform(size=20_000) < scores - 0.1).astype(float)
    found = Calibration(labels, scores)
    assert found.of()["ece"] == pytest.approx(0.1, abs=0.02)
    assert sum(rows for *_, rows in found.bins()) == 20_000


def test_a_text_that_tells_the_label_is_refused_whatever_its_alphabet() -> None:
    """The middle of three words means yes; ranked by their places in the alphabet they tell nothing."""
    columns, *_ = made_up()
    yes = np.array(columns["size"]) > 0
    words = np.where(yes, "merged", np.where(np.arange(ROWS) % 2, "abandoned", "open"))
    found = failed(
        fitted(rows_of({**columns, "yes": yes, "kind": words}, "binary", "yes"), "binary", slices={})
    )
    assert found["leaked_feature"].startswith(("kind", "size"))
    unsized = replace(DECLARED, inputs=("kind", "noise"), baseline=("noise",))
    rows = rows_of({**columns, "yes": yes, "kind": words}, "binary", "yes")
    found = failed(fitted(rows, "binary", inputs=unsized.inputs, baseline=unsized.baseline, slices={}))
    assert found["leaked_feature"].startswith("kind alone tells the label by 1.000")


def test_shuffled_labels_are_at_chance_though_one_input_is_strong() -> None:
    """What noise teaches of it points one way or the other: it is tested on shuffled labels, too."""
    columns, *_ = made_up()
    yes = np.array(columns["size"]) + np.random.default_rng(5).normal(0, 0.3, ROWS) > 0
    only = {"inputs": ("size",), "baseline": ("size",), "invariant": ()}
    for flavour in ("lightgbm", "sklearn"):
        rows = rows_of({**columns, "yes": yes}, "binary", "yes")
        assert not failed(fitted(rows, "binary", flavour=flavour, **only))


def test_few_groups_are_no_evidence() -> None:
    """Of one group every drawing is all rows, and every interval is a point."""
    columns, *_ = made_up()
    rows = rows_of({**columns, "shop": np.zeros(ROWS)}, "regression", "quantity")
    assert failed(fitted(rows, "regression"))["smallest_groups"].startswith("1 groups")


def test_an_infinite_input_is_named() -> None:
    """With how many rows have it."""
    columns, *_ = made_up()
    columns["noise"][7] = np.inf
    with pytest.raises(UsageError, match="input noise: expected finite numbers, or none"):
        fitted(rows_of(columns, "regression", "quantity"), "regression")


@pytest.mark.parametrize("kind", ["date", "timestamp", "uuid"])
def test_slices_of_any_type_are_parts(kind: str) -> None:
    """Of values that are no quantities the frequent ones, and all others together."""
    import datetime
    import uuid

    columns, *_ = made_up()
    days = [datetime.date(2026, 1, 1 + place % 20) for place in range(ROWS)]
    values = {
        "date": days,
        "timestamp": [datetime.datetime.combine(day, datetime.time(), datetime.UTC) for day in days],
        "uuid": pa.array([uuid.UUID(int=place % 20).bytes for place in range(ROWS)], pa.uuid()),
    }[kind]
    rows = rows_of({**columns, "when": values}, "regression", "quantity")
    outcome = fitted(rows, "regression", slices={"when": "when"})
    assert [one.value for one in outcome.slices][-1] == "others"


@pytest.mark.parametrize("rows", [100, 400])
def test_calibrated_models_are_not_refused_however_few_rows(rows: int) -> None:
    """Chance alone gives an error that looks large; what it adds is taken off, and real errors stay."""
    refused, found = 0, 0
    for seed in range(20):
        drawn = np.random.default_rng(seed)
        scores, chance = drawn.beta(2, 2, rows), drawn.uniform(size=rows)
        drawings = Drawings(np.arange(rows), rounds=200)
        for shift in (0.0, 0.25):
            measured = Calibration((chance < scores - shift).astype(float), scores)
            error = unbiased(measured.of()["ece"], drawings.figures(measured)["ece"], rows)
            assert error.low <= error.value <= error.high
            refused += error.low > 0.1 and not shift
            found += error.low > 0.1 and bool(shift)
    assert refused <= 1
    assert found >= 16


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        *[(name, "bigint") for name in ("int8", "BIGINT", "bigserial")],
        *[(name, "integer") for name in ("int", "int4")],
        *[(name, "numeric") for name in ("numeric(10,2)", "decimal(4, 1)", "dec")],
        *[(name, "double precision") for name in ("float8", "float", "double precision")],
        *[(name, "character varying") for name in ("varchar(20)", "character varying(20)")],
        *[
            ("timestamp(3) with time zone", "timestamp with time zone"),
            ("bool", "boolean"),
            ("string", "text"),
        ],
    ],
)
def test_types_have_postgresqls_names(told: str, kind: str) -> None:
    """Contracts call them as people do."""
    assert canonical(told) == kind
