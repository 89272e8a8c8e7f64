"""scikit-learn models in skops' format: read without running code that the file brings."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import skops.io

from headgate.errors import UsageError
from headgate.model.flavours.base import (
    BASE,
    Encoded,
    Rows,
    Score,
    Values,
    checked,
    require_classes,
    require_count,
    require_inputs,
)
from headgate.model.package import MAIN_FILES, Package

#: Option of a package: types, beside those that skops knows, that its file may hold.
TRUSTED = "trusted_types"
#: Plain descriptions that scikit-learn's own steps hold, and skops does not count among the known.
HARMLESS = {"numpy.dtype"}
#: Steps that keep every column at its place.
COLUMN_BY_COLUMN = {
    *("SimpleImputer", "StandardScaler", "MinMaxScaler", "MaxAbsScaler", "RobustScaler"),
    *("PowerTransformer", "QuantileTransformer"),
}


class ScikitLearn(Encoded):
    """An estimator or a pipeline of scikit-learn."""

    def __init__(self, package: Package, home: Path | None = None) -> None:
        super().__init__(package)
        self._model = _loaded(package)
        require_count(self.name, len(self.inputs), self._model.n_features_in_)
        names = getattr(self._model, "feature_names_in_", None)
        if names is not None:
            require_inputs(self.name, self.inputs, list(names))
            warnings.filterwarnings("ignore", message="X does not have valid feature names")
        _require_task(package, self._model)
        self._steps, self._linear = _linear(self._model)
        self.explains = self._linear is not None

    def predict(self, rows: Rows) -> list[Score]:
        """A score for each row; of several classes one for each."""
        matrix = self.matrix(rows)
        if not len(matrix):
            return []
        if self.task == "regression":
            return checked(self.name, self.task, self._model.predict(matrix).tolist())
        scores = self._model.predict_proba(matrix)
        return checked(self.name, self.task, (scores if self.task == "multiclass" else scores[:, 1]).tolist())

    def predict_one(self, row: Values) -> Score:
        """The score of one row; of several classes one for each."""
        return self.predict([row])[0]

    def contributions(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Coefficient times value, of a linear model."""
        if self._linear is None:
            return super().contributions(values)
        row = self.matrix([values])
        for step in self._steps:
            row = step.transform(row)
        added = (self._linear.coef_.reshape(-1) * row[0]).tolist()
        return {
            BASE: float(self._linear.intercept_.reshape(-1)[0]),
            **dict(zip(self.inputs, added, strict=True)),
        }


def _loaded(package: Package) -> Any:
    content = package.files[MAIN_FILES["sklearn"]]
    allowed = HARMLESS | set(package.options.get(TRUSTED, ()))
    unknown = [name for name in skops.io.get_untrusted_types(data=content) if name not in allowed]
    if unknown:
        raise UsageError(
            f"model {package.name}, file {MAIN_FILES['sklearn']}",
            expected=f"types that skops trusts, or that the option {TRUSTED} lists",
            found=", ".join(unknown),
            next_step=f"look at what they do; if they may run in the server, list them in {TRUSTED}",
        )
    return skops.io.loads(content, trusted=sorted(allowed))


def _require_task(package: Package, model: Any) -> None:
    """A regressor for quantities, a classifier with chances for the rest; of yes and no one of 0 and 1.

    Of other two classes nothing says which of them is yes.
    """
    classes: Any = getattr(model, "classes_", None)
    kind = "a classifier" if classes is not None else "a regressor"
    if package.task == "regression":
        expected, fits = "a regressor", classes is None
    else:
        expected, fits = "a classifier with predict_proba", hasattr(model, "predict_proba")
    if fits and package.task == "binary":
        kind = f"classes {', '.join(map(str, classes))}"
        expected, fits = "the classes 0 and 1", list(classes) == [0, 1]
    if not fits:
        raise UsageError(
            f"model {package.name}, task {package.task}",
            expected=expected,
            found=f"{type(model).__name__}, {kind}",
            next_step="fit it to labels of the task, or correct the task",
        )
    if package.task == "multiclass":
        require_classes(package, len(classes))


def _linear(model: Any) -> tuple[list[Any], Any]:
    """The steps before a linear model with one output, and the model; None for another."""
    *steps, last = [step for _, step in model.steps] if hasattr(model, "steps") else [model]
    by_column = all(type(step).__name__ in COLUMN_BY_COLUMN for step in steps)
    coefficients = getattr(last, "coef_", None)
    is_linear = by_column and coefficients is not None and coefficients.size == model.n_features_in_
    return (steps, last) if is_linear else ([], None)
