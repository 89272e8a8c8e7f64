"""What training, evaluation and the card ask of a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np

from headgate.errors import UsageError
from headgate.model.evaluation.figures import Measured

if TYPE_CHECKING:
    import pyarrow as pa

    from headgate.model.evaluation.evidence import Evidence

Vector: TypeAlias = "np.ndarray[Any, Any]"
Figures: TypeAlias = Mapping[str, Any]


@dataclass(frozen=True)
class Labels:
    """Labels by row, as numbers, and the classes that they count."""

    values: Vector
    #: Names of the classes in order; none where labels are no classes.
    classes: tuple[str, ...] = ()


class Task(Protocol):
    """A kind of answer, as the gates see it. Scores are numbers by row, or a row of them."""

    @property
    def name(self) -> str:
        """As declarations call it."""

    @property
    def titles(self) -> Mapping[str, str]:
        """Titles of the figures to show, by name."""

    @property
    def ranking(self) -> str:
        """The figure that models are compared by; larger is better."""

    @property
    def scale_loss(self) -> str | None:
        """A loss that also counts when models are compared, where the ranking ignores the scores' scale."""

    @property
    def gap_gate(self) -> str:
        """The gate of slices whose ranking figure is worse."""

    def labels(self, column: pa.ChunkedArray, where: str) -> Labels:
        """Labels of a column without nulls.

        Raises:
            UsageError: they are none of this task; `where` says whose they are.
        """

    def measured(self, labels: Vector, scores: Vector) -> Measured:
        """What has the task's figures."""

    def residuals(self, labels: Vector, scores: Vector) -> Vector | None:
        """By row and output, score less label, in shares or standard deviations; None without such."""

    def gap(self, inner: Figures, every: Figures) -> Any:
        """By how much the ranking of some of the rows lies below that of all, from their figures."""

    def smallest_class(self, labels: Vector) -> float:
        """Rows of the rarest class in a slice, without which it is not ranked; infinite without classes."""

    def calibrated(self, labels: Vector, scores: Vector) -> tuple[Vector, Vector] | None:
        """Outcomes of 0 and 1 with the chances that they were given; None where scores are no chances."""

    def summary(self, labels: Vector, classes: Sequence[str]) -> dict[str, Any]:
        """What the labels are like, for the register and the card."""

    def plots(self, evidence: Evidence) -> list[str]:
        """Plots for the card, as SVG."""


class Learned(Task, Protocol):
    """A task whose models are fitted here, to labels that are numbers by row."""

    @property
    def chance(self) -> float:
        """The ranking figure of a model without skill."""

    @property
    def has_chance(self) -> bool:
        """Whether the ranking figure has a threshold of its own (`beats_chance`)."""

    @property
    def loss(self) -> str:
        """The figure in which a model is held against the base rate; smaller is better."""

    @property
    def simple(self) -> str:
        """What the simple model is."""

    def unit(self, labels: Vector) -> float:
        """What a change of the score is measured in: 1 where it is a chance, else a standard deviation."""

    def alone(self, values: Vector, labels: Vector) -> float:
        """How well one input by itself tells the label, 1 at best."""

    def outcomes(self, labels: Vector) -> list[Vector]:
        """What labels come to as numbers that have a mean: a list of one, or of one for each class."""

    def constant(self, labels: Vector, classes: Sequence[str]) -> Vector:
        """The score of a model that knows the labels learned from and nothing of a row."""

    def objective(self, classes: Sequence[str]) -> Mapping[str, Any]:
        """LightGBM's parameters of the task."""

    def estimator(self) -> Any:
        """The simple model, a linear estimator of scikit-learn."""

    def asked(self, estimator: Any, matrix: Vector) -> Vector:
        """The scores that an estimator gives rows."""

    def reference(self, scores: Vector) -> Vector:
        """The served scores whose histogram is kept."""


def numbers(column: pa.ChunkedArray, where: str) -> Vector:
    """A column of numbers or booleans as doubles.

    Raises:
        UsageError: it holds something else, or what is not finite.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    if not (pa.types.is_boolean(kind) or pa.types.is_integer(kind) or _is_fraction(kind)):
        raise unfit(where, "numbers or booleans", f"a column of {kind}")
    given = pc.cast(column, pa.int8()) if pa.types.is_boolean(kind) else column
    values: Vector = pc.cast(given, pa.float64(), safe=False).to_numpy()
    if not np.isfinite(values).all():
        raise unfit(where, "finite numbers", "NaN or an infinite one")
    return values


def _is_fraction(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_floating(kind) or pa.types.is_decimal(kind))


def unfit(where: str, expected: str, found: str) -> UsageError:
    """What says that labels are not those of the task."""
    return UsageError(
        where,
        expected=expected,
        found=found,
        next_step="correct the label or the task, or make a dataset of a longer time",
    )
