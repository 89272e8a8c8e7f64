"""Models of every flavour: loaded from their files, checked, asked."""

from __future__ import annotations

import math
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from headgate.errors import HeadgateError, UsageError
from headgate.model import encoding, flavours
from headgate.model.flavours import PredictionError, UnusableError
from headgate.model.package import Package, sha256
from tests import four_models, onnx_files
from tests.four_models import INPUTS, package

ROWS: list[dict[str, Any]] = [
    {"size": 80, "kind": "small", "shop__orders_7d": 3},
    {"size": None, "kind": "unheard of", "shop__orders_7d": None},
    {"size": 10, "kind": None, "shop__orders_7d": 7},
]


@contextmanager
def loaded(given: Package, home: Path | None = None) -> Iterator[Any]:
    """The model, closed in the end."""
    predictor = flavours.load(given, home=home)
    try:
        yield predictor
    finally:
        predictor.close()


@pytest.mark.parametrize("flavour", four_models.FLAVOURS)
def test_every_flavour_answers_one_row_and_many_alike(flavour: str) -> None:
    """A row scores the same alone and among others, but for the last bits of a matrix product."""
    with loaded(package(flavour)) as predictor:
        many = predictor.predict(ROWS)
        assert [predictor.predict_one(row) for row in ROWS] == pytest.approx(many, rel=1e-12)
        assert predictor.predict(ROWS[::-1]) == pytest.approx(many[::-1], rel=1e-12)
        assert all(0 <= score <= 1 for score in many)
        assert many[0] != many[2]
        assert predictor.predict([]) == []


def test_lightgbm_scores_as_its_own_package_does_bit_for_bit() -> None:
    """One row, a matrix, and what each input adds; also of several classes."""
    import lightgbm

    matrix, _ = four_models.training_rows()
    for classes in (1, 3):
        files = four_models.lightgbm_files(classes=classes)
        booster = lightgbm.Booster(model_str=files["model.lgb"].decode())
        task = "binary" if classes == 1 else "multiclass"
        with loaded(package("lightgbm", files, task=task)) as predictor:
            expected = booster.predict(encoded(ROWS))
            assert predictor.predict(ROWS) == expected.tolist()
            assert predictor.predict_one(ROWS[1]) == expected[1].tolist()
            assert predictor.predict(matrix) == booster.predict(matrix).tolist()
            assert predictor.explains is (classes == 1)
            if classes > 1:
                continue
            added = predictor.contributions(ROWS[0])
            assert list(added) == ["base", *four_models.NAMES]
            (whole,) = booster.predict(encoded(ROWS[:1]), pred_contrib=True)
            assert list(added.values()) == [whole[-1], *whole[:-1]]
            assert sigmoid(sum(added.values())) == pytest.approx(expected[0])


def test_lightgbm_is_loaded_without_its_python_package() -> None:
    """Nor NumPy nor pandas: a server starts in a fraction of a second."""
    script = (
        "import sys, pathlib; from headgate.model import flavours, package\n"
        "model = flavours.load(package.read(pathlib.Path(sys.argv[1])))\n"
        "model.predict_one({'size': 1, 'kind': 'small', 'shop__orders_7d': None})\n"
        "print(sorted({'lightgbm', 'numpy', 'pandas', 'sklearn', 'scipy', 'pyarrow'} & set(sys.modules)))"
    )
    with tempfile.TemporaryDirectory() as folder:
        package("lightgbm").write(Path(folder))
        done = subprocess.run(
            [sys.executable, "-c", script, folder], capture_output=True, text=True, check=True
        )
    assert done.stdout.strip() == "[]"


def test_a_logistic_regression_scores_and_explains() -> None:
    """As scikit-learn does; contributions and base make up the log odds."""
    with loaded(package("sklearn")) as predictor:
        expected = four_models.sklearn_model().predict_proba(encoded(ROWS))[:, 1]
        assert predictor.predict(ROWS) == expected.tolist()
        added = predictor.contributions(ROWS[0])
        assert list(added) == ["base", *four_models.NAMES]
        assert sigmoid(sum(added.values())) == pytest.approx(expected[0])


def test_skops_files_may_hold_only_what_is_trusted() -> None:
    """A type that skops does not know is refused by name."""
    import skops.io
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer

    model = make_pipeline(FunctionTransformer(os.path.basename), four_models.sklearn_model())
    files = {"model.skops": skops.io.dumps(model)}
    with pytest.raises(UsageError, match=r"found posixpath\.basename"):
        flavours.load(package("sklearn", files))


def test_onnx_graphs_of_one_and_of_several_inputs() -> None:
    """A matrix, or one tensor by name for each input whatever its order."""
    with loaded(package("onnx")) as predictor:
        score = predictor.predict_one(ROWS[0])
        assert score == pytest.approx(sigmoid(80 * 0.05 + 2.0 - 3.0), abs=1e-6)
    files = {"model.onnx": onnx_files.sum_of_inputs(["kind", "shop__orders_7d", "size"])}
    with loaded(package("onnx", files)) as predictor:
        row = {"size": 1, "kind": "large", "shop__orders_7d": 1}
        assert predictor.predict_one(row) == pytest.approx(sigmoid(2), abs=1e-6)
        # What the graph cannot make a number of is an error, never an answer.
        with pytest.raises(PredictionError, match="a chance from 0 to 1"):
            predictor.predict_one({**row, "size": None})


SWAPPED = ("kind", "size", "shop__orders_7d")


@pytest.mark.parametrize(
    ("flavour", "files", "found"),
    [
        ("lightgbm", lambda: four_models.lightgbm_files(SWAPPED), "input 1: expected size.*found kind"),
        ("lightgbm", lambda: {"model.lgb": b"no model\n"}, "text format"),
        ("onnx", lambda: four_models.onnx_files_of(SWAPPED), "input 1: expected size.*found kind"),
        ("onnx", lambda: {"model.onnx": onnx_files.logistic([1.0], 0.0)}, "expected 3 inputs.*found 1"),
        ("onnx", lambda: {"model.onnx": onnx_files.sum_of_inputs(["size", "a"])}, "found a in the model"),
        ("onnx", lambda: {"model.onnx": b"no model"}, "a graph that this onnxruntime can run"),
        ("pyfunc", lambda: {"model.json": b"[]"}, "module"),
        ("pyfunc", lambda: {"model.json": b'{"module": "away"}'}, r"a file away\.py"),
        ("pyfunc", lambda: four_models.pyfunc_files("1 / 0"), r"ZeroDivisionError at scoring\.py:1"),
        ("pyfunc", lambda: four_models.pyfunc_files("a = 1"), r"AttributeError"),
        ("pyfunc", lambda: four_models.pyfunc_files("import sys; sys.exit(1)"), "SystemExit at scoring"),
        ("pyfunc", lambda: four_models.pyfunc_files("import os; os._exit(1)"), "BrokenPipe"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_at_load(flavour: str, files: Any, found: str) -> None:
    """Other inputs, another order, no model at all: before anything is answered."""
    with pytest.raises(Exception, match=f"(?s){found}"):
        flavours.load(package(flavour, files()))


def sklearn_of(model: str, labels: Any = None) -> dict[str, bytes]:
    """A scikit-learn model of the shop's inputs, fitted to other labels."""
    import skops.io
    from sklearn import linear_model

    matrix, told = four_models.training_rows()
    fitted = getattr(linear_model, model)().fit(
        np.nan_to_num(matrix), told if labels is None else labels(told)
    )
    return {"model.skops": skops.io.dumps(fitted)}


@pytest.mark.parametrize(
    ("flavour", "files", "task", "found"),
    [
        ("lightgbm", lambda: four_models.lightgbm_files(classes=3), "binary", "expected one score.*found 3"),
        ("lightgbm", four_models.lightgbm_files, "multiclass", "a score for each of 2 classes; found 1"),
        ("onnx", lambda: {"model.onnx": onnx_files.products(3, {"y": 3})}, "binary", "one score.*found 3"),
        (
            "onnx",
            lambda: {"model.onnx": onnx_files.products(3, {"y": 2})},
            "regression",
            "one score.*found 2",
        ),
        (
            "onnx",
            lambda: {"model.onnx": onnx_files.products(3, {"y": 1, "z": 1})},
            "binary",
            "y tensor.*z tensor",
        ),
        (
            "sklearn",
            lambda: sklearn_of("LogisticRegression", lambda told: told + 1),
            "binary",
            "classes 1, 2",
        ),
        (
            "sklearn",
            lambda: sklearn_of("LogisticRegression", lambda told: told + told[::-1]),
            "binary",
            "0, 1, 2",
        ),
        ("sklearn", lambda: sklearn_of("RidgeClassifier"), "binary", "predict_proba; found RidgeClassifier"),
        ("sklearn", lambda: sklearn_of("LogisticRegression"), "regression", "a regressor; found Logistic"),
        ("sklearn", lambda: sklearn_of("Ridge"), "binary", "with predict_proba; found Ridge, a regressor"),
    ],
)
def test_a_model_of_another_task_is_refused_at_load(flavour: str, files: Any, task: str, found: str) -> None:
    """One that gives other scores than the task has would answer with any of them."""
    with pytest.raises(UsageError, match=found):
        flavours.load(package(flavour, files(), task=task))


def test_the_names_of_classes_are_as_many_as_the_scores() -> None:
    """Where a package names them."""
    files = four_models.lightgbm_files(classes=3)
    options = {"categories": four_models.CATEGORIES, "classes": ["a", "b"]}
    with pytest.raises(UsageError, match="each of 2 classes; found 3"):
        flavours.load(package("lightgbm", files, task="multiclass", options=options))


@pytest.mark.parametrize("share", [0.02, 0.3, 0.6, 0.9])
def test_a_text_that_was_cut_off_is_no_model(share: float) -> None:
    """Fewer trees would give other scores, or none that end."""
    text = four_models.lightgbm_files()["model.lgb"]
    whole = text.index(b"end of trees")
    with pytest.raises(HeadgateError, match="text format"):
        flavours.load(package("lightgbm", {"model.lgb": text[: int(whole * share)]}))


ANSWERS = """
def predict(rows):
    return [{values}[row["n"]] for row in rows]
"""


@pytest.mark.parametrize(
    ("task", "values", "usable"),
    [
        ("binary", "[0.5, 1.5, [0.1, 0.9], True, None, 'a', float('nan'), 1]", [0.5, *[None] * 6, 1]),
        ("regression", "[0, -1e70, 10**400, 1e300, float('inf'), [1.0], 2.5]", [0, -1e70, *[None] * 4, 2.5]),
        ("multiclass", "[[0.2, 0.8], [3, -2], 0.5, [], [0.5, None]]", [[0.2, 0.8], *[None] * 4]),
        (
            "custom",
            "['a', None, float('nan'), 2**70, '\\ud800', {'text': 'a', 'n': 2**70}, {'text': 'b'}, False, 7]",
            ["a", None, None, 2**70, None, None, {"text": "b"}, False, 7],
        ),
    ],
)
def test_a_score_is_what_the_task_asks_for(task: str, values: str, usable: list[Any]) -> None:
    """Whatever code gives: the rest is told apart, without asking again for those that are."""
    files = four_models.pyfunc_files(ANSWERS.format(values=values))
    with loaded(package("pyfunc", files, task=task)) as predictor:
        with pytest.raises(UnusableError) as failed:
            predictor.predict([{"n": place} for place in range(len(usable))])
        assert failed.value.scores == usable
        places = [place for place, value in enumerate(usable) if value is not None]
        assert predictor.predict([{"n": place} for place in places]) == [usable[place] for place in places]


def test_a_scikit_learn_model_of_other_columns_is_refused() -> None:
    """By count, and by names where it was trained with names."""
    import pyarrow as pa
    import skops.io
    from sklearn.linear_model import LogisticRegression

    matrix, labels = four_models.training_rows()
    filled = np.nan_to_num(matrix)
    narrow = {"model.skops": skops.io.dumps(LogisticRegression().fit(filled[:, :2], labels))}
    with pytest.raises(UsageError, match=r"expected 3 inputs.*found 2"):
        flavours.load(package("sklearn", narrow))
    frame = pa.table(dict(zip(SWAPPED, filled.T, strict=True))).to_pandas()
    named = {"model.skops": skops.io.dumps(LogisticRegression().fit(frame, labels))}
    with pytest.raises(UsageError, match=r"input 1: expected size.*found kind"):
        flavours.load(package("sklearn", named))


def test_an_unknown_flavour_is_refused() -> None:
    """With those that there are."""
    with pytest.raises(UsageError, match="one of lightgbm, sklearn, onnx, pyfunc"):
        flavours.load(package("torch", {"model.pt": b""}))


SLOW = """
import os, time
print("loud")
def predict(rows):
    kind = rows[0]["kind"]
    if kind == "slow": time.sleep(60)
    if kind == "dies": os._exit(3)
    if kind == "raises": raise ValueError("Ada Lovelace")
    if kind == "few": return []
    if kind == "none": return [None]
    if kind == "set": return [{1}]
    print("louder")
    return [os.getpid()]
"""


def test_a_pyfunc_that_fails_fails_one_answer_only() -> None:
    """Slow, dead, raising, answering nonsense: an error without the record; the next one is answered."""
    files = four_models.pyfunc_files(SLOW, timeout_seconds=0.5)
    with loaded(package("pyfunc", files, task="regression")) as predictor:
        (first,) = predictor.predict([{"kind": "x"}])
        expected = {
            "slow": "none after 0.5 seconds",
            "dies": "its process ended",
            "raises": r"found ValueError at scoring\.py:8\.",
            "few": "0 values",
            "none": "a finite number",
            "set": "TypeError",
        }
        for kind, found in expected.items():
            with pytest.raises(PredictionError, match=found) as failed:
                predictor.predict_one({"kind": kind})
            assert "Ada" not in str(failed.value)
        (last,) = predictor.predict([{"kind": "x"}])
        assert last == predictor.process_id != first
    assert predictor.process_id is None


def test_a_pyfunc_has_none_of_the_servers_secrets_and_ends_with_it(tmp_path: Path) -> None:
    """Its environment holds no setting; kill -9 of the server ends it though it computes."""
    code = "import os, time\ndef predict(rows):\n    return [sorted(os.environ)]\n"
    files = four_models.pyfunc_files(code)
    os.environ["HEADGATE_PII_KEY"], before = "secret", os.environ.get("HEADGATE_PII_KEY")
    try:
        with loaded(package("pyfunc", files, task="custom")) as predictor:
            names = predictor.predict_one({"kind": "x"})
    finally:
        del os.environ["HEADGATE_PII_KEY"]
        if before is not None:
            os.environ["HEADGATE_PII_KEY"] = before
    assert "PATH" in names
    assert not [name for name in names if name.startswith("HEADGATE")]
    package("pyfunc", four_models.pyfunc_files(SLOW)).write(tmp_path)
    script = (
        "import sys, pathlib; from headgate.model import flavours, package\n"
        "model = flavours.load(package.read(pathlib.Path(sys.argv[1])))\n"
        "print(model.process_id, flush=True); model.predict_one({'kind': 'slow'})"
    )
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)], stdout=subprocess.PIPE) as server:
        assert server.stdout is not None
        child = int(server.stdout.readline())
        server.send_signal(signal.SIGKILL)
    until = time.monotonic() + 20
    while is_alive(child) and time.monotonic() < until:
        time.sleep(0.05)
    assert not is_alive(child)


@pytest.mark.costly
def test_a_pyfunc_with_a_lock_runs_in_an_environment_of_its_own(tmp_path: Path) -> None:
    """Made once for a lock, without the server's packages; what was left half done goes first."""
    code = (
        "import importlib.util as found, sys\n"
        "def predict(rows):\n    return [[sys.prefix, found.find_spec('orjson') is None]]\n"
    )
    files = {**four_models.pyfunc_files(code, lock="own.lock"), "own.lock": b"# nothing\n"}
    given = package("pyfunc", files, task="custom")
    left = tmp_path / "environments" / sha256(files["own.lock"])[:16] / "bin"
    left.mkdir(parents=True)
    (left / "python").write_text("half of it")
    with loaded(given, tmp_path) as predictor:
        prefix, is_apart = predictor.predict_one({"kind": "x"})
    (made,) = (tmp_path / "environments").iterdir()
    assert (Path(prefix).name, is_apart) == (made.name, True)
    started = made.stat().st_mtime_ns
    with loaded(given, tmp_path):
        assert made.stat().st_mtime_ns == started


def encoded(rows: list[dict[str, Any]]) -> np.ndarray[Any, Any]:
    """The rows as a matrix."""
    encoder = encoding.Encoder(INPUTS, four_models.CATEGORIES)
    return np.array([encoder.row(row) for row in rows])


def sigmoid(value: float) -> float:
    """The probability of log odds."""
    return 1 / (1 + math.exp(-value))


def is_alive(process: int) -> bool:
    """Whether a process runs, and is not only waited for."""
    try:
        return ") Z " not in Path(f"/proc/{process}/stat").read_text()
    except FileNotFoundError:
        return False
