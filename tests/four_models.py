"""Four small real models of the same question, one for each flavour.

The inputs are those of the shop: `size` comes with the request, `shop__orders_7d` from a feature view.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from typing import Any

from headgate.model.package import BoundView, Package
from headgate.model.signature import Input, Signature
from tests import onnx_files

INPUTS = (
    Input(name="size", type="bigint", nullable=True, unit="lines"),
    Input(name="kind", type="text", nullable=True),
    Input(name="shop__orders_7d", type="bigint", nullable=True, view="shop"),
)
SIGNATURE = Signature(inputs=INPUTS, keys=(("shop_id", "bigint"),), output=("is_shipped", "double precision"))
CATEGORIES = {"kind": ["large", "small"]}
NAMES = [given.name for given in INPUTS]
FLAVOURS = ("lightgbm", "sklearn", "onnx", "pyfunc")
SCORING = """
def predict(rows):
    return [(len(row["kind"] or "") + (row["size"] or 0)) % 10 / 10 for row in rows]
"""


def package(
    flavour: str, files: Mapping[str, bytes] | None = None, *, name: str = "will_ship", **changed: Any
) -> Package:
    """A model of a flavour, with other files or parts if given."""
    parts: dict[str, Any] = {
        "task": "binary",
        "signature": SIGNATURE,
        "views": {"shop": BoundView(version=1, definition=None)},
        "options": {"categories": CATEGORIES, "unknown_entity": "missing"},
    }
    made = files or FILES[flavour]()
    return Package(name=name, flavour=flavour, files=made, **{**parts, **changed})


@functools.cache
def training_rows() -> Any:
    """A matrix of 400 rows, some values missing, and labels that follow from size and kind."""
    import numpy as np

    drawn = np.random.default_rng(1)
    matrix = np.column_stack(
        [drawn.integers(0, 100, 400), drawn.integers(0, 2, 400), drawn.integers(0, 20, 400)]
    ).astype(float)
    labels = (matrix[:, 0] + 40 * matrix[:, 1] + drawn.normal(0, 10, 400) > 60).astype(int)
    matrix[drawn.random((400, 3)) < 0.1] = np.nan
    return matrix, labels


@functools.cache
def lightgbm_files(names: tuple[str, ...] = tuple(NAMES), classes: int = 1) -> Mapping[str, bytes]:
    """A LightGBM model in its text, trained here."""
    import lightgbm

    matrix, labels = training_rows()
    more = {"objective": "multiclass", "num_class": classes} if classes > 1 else {"objective": "binary"}
    parameters = {"num_leaves": 7, "num_threads": 1, "verbosity": -1, "seed": 1, **more}
    data = lightgbm.Dataset(matrix, labels, feature_name=list(names))
    booster = lightgbm.train(parameters, data, num_boost_round=20)
    return {"model.lgb": booster.model_to_string().encode()}


@functools.cache
def sklearn_model() -> Any:
    """A logistic regression behind an imputer and a scaler."""
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(SimpleImputer(), StandardScaler(), LogisticRegression()).fit(*training_rows())


@functools.cache
def sklearn_files() -> Mapping[str, bytes]:
    """It in skops' format."""
    import skops.io

    return {"model.skops": skops.io.dumps(sklearn_model())}


def onnx_files_of(names: tuple[str, ...] = tuple(NAMES)) -> Mapping[str, bytes]:
    """A logistic regression as a graph."""
    metadata = {"feature_names": json.dumps(names)}
    return {"model.onnx": onnx_files.logistic([0.05, 2.0, 0.0], -3.0, metadata)}


def pyfunc_files(code: str = SCORING, **declared: Any) -> Mapping[str, bytes]:
    """A module that reads strings."""
    return {
        "model.json": json.dumps({"module": "scoring", **declared}).encode(),
        "scoring.py": code.encode(),
    }


FILES = {
    "lightgbm": lightgbm_files,
    "sklearn": sklearn_files,
    "onnx": onnx_files_of,
    "pyfunc": pyfunc_files,
}
