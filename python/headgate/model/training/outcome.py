"""What a training comes to: the model, what it was tested on, and what the gates said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headgate.model.evaluation.evidence import BASE, CHAMPION, MODEL, SIMPLE, Evidence
from headgate.model.evaluation.gates import Judge
from headgate.model.evaluation.slices import Slice
from headgate.model.versions import Histogram


@dataclass(kw_only=True)
class Outcome:
    """A judged model."""

    flavour: str
    #: The names of the inputs that it takes.
    inputs: tuple[str, ...]
    #: What it predicts with, by path.
    files: Mapping[str, bytes]
    parameters: Mapping[str, Any]
    #: What serving needs of it beyond the declaration.
    options: Mapping[str, Any]
    references: list[Histogram]
    evidence: Evidence
    slices: list[Slice]
    judge: Judge
    #: When the tested part begins, microseconds since 1970.
    test_begins: int
    learned_rows: int
    #: Rows of the dataset that were left out, for they have no label.
    unlabelled_rows: int
    summary: Mapping[str, Any]
    calibration: Mapping[str, Any] = field(default_factory=dict)
    #: Mean absolute contribution by input, before it becomes a chance.
    importance: Mapping[str, float] = field(default_factory=dict)
    #: The champion that it was held against.
    champion_version: int | None = None
    #: Called after the estimator; None where there is no simple model.
    simple: str | None = None
    #: Why another model than the declared one was put forward; None when it was not.
    exchanged: str | None = None

    @property
    def figures(self) -> dict[str, Any]:
        """All figures for the register."""
        scores = self.evidence.scores
        found = {name: self._of(name) for name in scores}
        return {
            **found[MODEL],
            **self.calibration,
            "baselines": {name: found[name] for name in (SIMPLE, BASE) if name in found},
            "champion": self._champion(found),
            "differences": {name: self._differences(name) for name in scores if name != MODEL},
            "slices": [one.as_dict() for one in self.slices],
            "importance": dict(self.importance),
            **self.summary,
            "rows": {"train": self.learned_rows, "test": len(self.evidence.labels)},
        }

    def _champion(self, found: Mapping[str, Any]) -> dict[str, Any] | None:
        return {**found[CHAMPION], "version": self.champion_version} if CHAMPION in found else None

    def _of(self, name: str) -> dict[str, Any]:
        return {figure: found.as_dict() for figure, found in self.evidence.figures(name).items()}

    def _differences(self, name: str) -> dict[str, Any]:
        figures = self.evidence.task.titles
        return {figure: self.evidence.difference(figure, MODEL, name).as_dict() for figure in figures}
