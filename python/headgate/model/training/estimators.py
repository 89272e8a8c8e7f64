"""What is fitted: LightGBM, the simple model beside it, and what knows the labels' mean only below both.

Deterministic: one thread, fixed seeds, rows in the dataset's order; files hold no times and no addresses.
"""

from __future__ import annotations

import io
import json
import re
import warnings
import zipfile
from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np

from headgate.model.tasks.base import Learned

Matrix: TypeAlias = "np.ndarray[Any, Any]"
SEED = 20260101
#: Tried in this order; the first is taken where nothing can be compared.
CANDIDATES: tuple[dict[str, Any], ...] = (
    {"num_leaves": 15, "num_iterations": 100, "learning_rate": 0.06, "min_data_in_leaf": 20},
    {"num_leaves": 7, "num_iterations": 150, "learning_rate": 0.06, "min_data_in_leaf": 20},
    {"num_leaves": 31, "num_iterations": 100, "learning_rate": 0.06, "min_data_in_leaf": 40},
    {"num_leaves": 15, "num_iterations": 300, "learning_rate": 0.03, "min_data_in_leaf": 40},
    {"num_leaves": 4, "num_iterations": 200, "learning_rate": 0.06, "min_data_in_leaf": 20},
    {"num_leaves": 63, "num_iterations": 200, "learning_rate": 0.06, "min_data_in_leaf": 80},
)
FIXED = {
    "num_threads": 1,
    "deterministic": True,
    "force_row_wise": True,
    "seed": SEED,
    "verbosity": -1,
}
#: Types in the file of a simple model that skops asks leave for.
TRUSTED_TYPES = ["numpy.dtype"]


class Fitted(Protocol):
    """A model that was fitted."""

    flavour: str
    #: Which of the declared inputs it takes, by place.
    places: list[int]
    parameters: dict[str, Any]

    def predict(self, matrix: Matrix) -> Matrix:
        """Scores of rows with all declared inputs."""

    def content(self) -> bytes:
        """The file that predicts."""

    def importance(self, matrix: Matrix) -> Matrix:
        """How much each declared input moves the score on average, before it becomes a chance."""


def base_rate(constant: Matrix, rows: int) -> Matrix:
    """The same score for each row."""
    return np.broadcast_to(constant, (rows, *constant.shape)).copy()


class LightGbm:
    """Gradient boosted trees."""

    flavour = "lightgbm"

    def __init__(
        self,
        matrix: Matrix,
        labels: Matrix,
        names: Sequence[str],
        categorical: Sequence[int],
        parameters: Mapping[str, Any],
        objective: Mapping[str, Any],
    ) -> None:
        import lightgbm

        self.places = list(range(len(names)))
        self.parameters = dict(parameters)
        given = {**objective, **FIXED, **parameters}
        rounds = given.pop("num_iterations")
        data = lightgbm.Dataset(
            matrix, labels, feature_name=list(names), categorical_feature=list(categorical), params=given
        )
        self._booster = lightgbm.train(given, data, num_boost_round=rounds)

    def predict(self, matrix: Matrix) -> Matrix:
        """Scores of rows."""
        return np.asarray(self._booster.predict(matrix, num_threads=1))

    def content(self) -> bytes:
        """The model as LightGBM's text."""
        return str(self._booster.model_to_string()).encode()

    def importance(self, matrix: Matrix) -> Matrix:
        """Mean absolute contributions (TreeSHAP), by input; of several classes their mean."""
        added = np.asarray(self._booster.predict(matrix, pred_contrib=True, num_threads=1))
        by_class = np.abs(added).reshape(len(matrix), -1, len(self.places) + 1)
        return np.asarray(by_class[:, :, :-1].mean(axis=(0, 1)))


class Simple:
    """A linear model on few inputs, of even spread, with gaps filled by their medians.

    Args:
        matrix: rows with all declared inputs.
        labels: of the rows.
        places: the inputs that it takes.
        task: says which linear model.
    """

    flavour = "sklearn"

    def __init__(self, matrix: Matrix, labels: Matrix, places: Sequence[int], task: Learned) -> None:
        from sklearn.impute import SimpleImputer
        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import PowerTransformer

        self.places = list(places)
        self._task, estimator = task, task.estimator()
        self.parameters: dict[str, Any] = {"estimator": type(estimator).__name__, **estimator.get_params()}
        self._pipeline = make_pipeline(
            SimpleImputer(strategy="median", keep_empty_features=True), PowerTransformer(), estimator
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # inputs without spread; they get no weight
            self._pipeline.fit(matrix[:, self.places], labels)

    def predict(self, matrix: Matrix) -> Matrix:
        """Scores of rows."""
        return self._task.asked(self._pipeline, matrix[:, self.places])

    def content(self) -> bytes:
        """The model in skops' format."""
        import skops.io

        return _without_addresses(skops.io.dumps(self._pipeline))

    def importance(self, matrix: Matrix) -> Matrix:
        """Mean absolute products of coefficient and value, by input."""
        even = self._pipeline[:-1].transform(matrix[:, self.places])
        coefficients = np.abs(np.atleast_2d(self._pipeline[-1].coef_)).mean(axis=0)
        found = np.zeros(matrix.shape[1])
        found[self.places] = (np.abs(even) * coefficients).mean(axis=0)
        return found


def _without_addresses(content: bytes) -> bytes:
    """A file of skops without times, and with numbers for the addresses in memory that it is full of."""
    with zipfile.ZipFile(io.BytesIO(content)) as found:
        schema = found.read("schema.json").decode()
        numbers: dict[str, str] = {}
        for address in re.findall(r'"__id__": (\d+)|"(\d+)\.npy"', schema):
            numbers.setdefault("".join(address), str(len(numbers) + 1))
        schema = re.sub(
            r'("__id__": |")(\d+)(?=\.npy"|,?\s)',
            lambda match: match[1] + numbers.get(match[2], match[2]),
            schema,
        )
        json.loads(schema)
        written = io.BytesIO()
        with zipfile.ZipFile(written, "w") as file:
            arrays = [name for name in found.namelist() if name != "schema.json"]
            renamed = {f"{numbers[name.removesuffix('.npy')]}.npy": name for name in arrays}
            for name in sorted(renamed, key=lambda name: int(name.removesuffix(".npy"))):
                file.writestr(zipfile.ZipInfo(name), found.read(renamed[name]))
            file.writestr(zipfile.ZipInfo("schema.json"), schema)
    return written.getvalue()
