"""LightGBM models, scored in microseconds."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headgate.model.flavours.base import (
    BASE,
    BOUNDS,
    Encoded,
    Rows,
    Score,
    Values,
    checked,
    require_classes,
    require_inputs,
)
from headgate.model.flavours.lightgbm_library import CONTRIBUTIONS, Booster, SingleRow
from headgate.model.package import MAIN_FILES, Package


class LightGbm(Encoded):
    """A LightGBM model, from its text."""

    def __init__(self, package: Package, home: Path | None = None) -> None:
        super().__init__(package)
        self._booster = Booster(package.files[MAIN_FILES["lightgbm"]])
        require_inputs(self.name, self.inputs, self._booster.names)
        require_classes(package, self._booster.classes)
        self._low, self._high = BOUNDS.get(self.task, (0.0, 0.0))
        self.explains = self._booster.classes == 1
        self._one = SingleRow(self._booster)
        self._explaining = SingleRow(self._booster, CONTRIBUTIONS) if self.explains else None
        self._lock, self._explaining_lock = threading.Lock(), threading.Lock()

    def predict(self, rows: Rows) -> list[Score]:
        """A score for each row; of several classes one for each."""
        matrix = self.matrix(rows)
        scores = list(self._booster.predict(len(matrix), matrix.ctypes.data))
        classes = self._booster.classes
        if classes > 1:
            scores = [scores[start : start + classes] for start in range(0, len(scores), classes)]
        return checked(self.name, self.task, scores)

    def predict_one(self, row: Values) -> Score:
        """The score of one row; of several classes one for each."""
        encoded = self.numbers(row)
        with self._lock:
            self._one.values[:] = encoded
            self._one.predict()
            scores = self._one.scores[:]
        if len(scores) == 1 and self._low <= scores[0] <= self._high:
            return scores[0]
        return checked(self.name, self.task, scores if len(scores) == 1 else [scores])[0]

    def contributions(self, values: Mapping[str, Any]) -> dict[str, float]:
        """What each input adds (TreeSHAP), some hundred times as costly as the score."""
        explaining = self._explaining
        if explaining is None:
            return super().contributions(values)
        encoded = self.encoder.row(values)
        with self._explaining_lock:
            explaining.values[:] = encoded
            explaining.predict()
            added = explaining.scores[:]
        return {BASE: added[-1], **dict(zip(self.inputs, added, strict=False))}

    def close(self) -> None:
        """Frees the model's memory; nobody may be asking it any more."""
        for part in (self._one, self._explaining, self._booster):
            if part is not None:
                part.close()
