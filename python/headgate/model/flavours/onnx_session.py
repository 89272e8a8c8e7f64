"""ONNX models, run by onnxruntime in one thread."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from headgate.errors import UsageError
from headgate.model.flavours.base import (
    EXPECTED,
    Encoded,
    PredictionError,
    Rows,
    Score,
    Values,
    checked,
    require_classes,
    require_count,
    require_inputs,
)
from headgate.model.package import MAIN_FILES, Package

#: In the file's metadata: a JSON array with the names of the inputs, in the order of the columns.
FEATURE_NAMES = "feature_names"
NUMBERS = {"tensor(float)": np.float32, "tensor(double)": np.float64}


class Onnx(Encoded):
    """A graph with one input of shape [rows, inputs], or with an input of shape [rows, 1] for each."""

    def __init__(self, package: Package, home: Path | None = None) -> None:
        super().__init__(package)
        self._session = _session(package)
        self._inputs = self._session.get_inputs()
        for found in self._inputs:
            self._require_type("input", found, NUMBERS)
        self._require_inputs()
        self._output = self._scores_of(self._session.get_outputs())
        width = self._output.shape[-1] if len(self._output.shape) > 1 else 1
        if isinstance(width, int):
            require_classes(package, self._outputs(width))

    def predict(self, rows: Rows) -> list[Score]:
        """A score for each row; of several classes one for each."""
        matrix = self.matrix(rows)
        if not len(matrix):
            return []
        (scores,) = self._session.run([self._output.name], self._fed(matrix))
        return checked(self.name, self.task, self._scores(scores, len(matrix)))

    def predict_one(self, row: Values) -> Score:
        """The score of one row; of several classes one for each."""
        return self.predict([row])[0]

    def _fed(self, matrix: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
        if len(self._inputs) == 1:
            (only,) = self._inputs
            return {only.name: matrix.astype(NUMBERS[only.type])}
        places = {name: place for place, name in enumerate(self.inputs)}
        return {
            found.name: matrix[:, [places[found.name]]].astype(NUMBERS[found.type]) for found in self._inputs
        }

    def _scores(self, scores: np.ndarray[Any, Any], rows: int) -> list[Score]:
        if scores.shape[:1] != (rows,):
            raise self._misshapen(scores)
        width = scores.size // rows
        columns = scores.reshape(rows, width)
        if self.task == "multiclass":
            return columns.tolist()  # type: ignore[no-any-return]
        if self._outputs(width) != 1:
            raise self._misshapen(scores)
        return columns[:, -1].tolist()  # type: ignore[no-any-return]

    def _outputs(self, width: int) -> int:
        """Scores of a row: of two classes the probability of the second is one."""
        return 1 if width == 2 and self.task == "binary" else width

    def _misshapen(self, scores: np.ndarray[Any, Any]) -> PredictionError:
        shape = " x ".join(map(str, scores.shape))
        return PredictionError(
            f"model {self.name}",
            expected=EXPECTED[self.task],
            found=f"scores of the shape {shape or 'of one number'}",
            next_step="export the graph so that its scores have the shape [rows] or [rows, scores]",
        )

    def _scores_of(self, outputs: Sequence[Any]) -> Any:
        """The only output of numbers: a classifier's label beside it is none of them."""
        found = [output for output in outputs if output.type in NUMBERS]
        if len(found) != 1:
            named = ", ".join(f"{output.name} {output.type}" for output in outputs)
            raise UsageError(
                f"model {self.name}, outputs of the graph",
                expected=f"one of {' or '.join(NUMBERS)}, the scores, beside which a label may stand",
                found=named,
                next_step="export it with plain tensors and its scores alone;"
                " skl2onnx does with the option zipmap=False",
            )
        return found[0]

    def _require_inputs(self) -> None:
        if len(self._inputs) > 1:
            require_inputs(self.name, sorted(self.inputs), sorted(found.name for found in self._inputs))
            return
        columns = self._inputs[0].shape[-1]
        if isinstance(columns, int):
            require_count(self.name, len(self.inputs), columns)
        names = self._session.get_modelmeta().custom_metadata_map.get(FEATURE_NAMES)
        if names is not None:
            require_inputs(self.name, self.inputs, json.loads(names))

    def _require_type(self, role: str, found: Any, types: Mapping[str, Any]) -> None:
        if found.type not in types:
            raise UsageError(
                f"model {self.name}, {role} {found.name} of the graph",
                expected=" or ".join(types),
                found=found.type,
                next_step="export it with plain tensors; skl2onnx does with the option zipmap=False",
            )


def _session(package: Package) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(
            package.files[MAIN_FILES["onnx"]], options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:  # onnxruntime's own classes have no common base.
        raise UsageError(
            f"model {package.name}, file {MAIN_FILES['onnx']}",
            expected="a graph that this onnxruntime can run",
            found=str(error).splitlines()[0],
            next_step="export the model again, for an older version of ONNX's operators if need be",
        ) from error
