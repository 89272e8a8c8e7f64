"""What every flavour offers, and how it says that it cannot."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

from headgate.errors import HeadgateError, UsageError
from headgate.model.encoding import CATEGORIES, Encoder
from headgate.model.output import CLASSES
from headgate.model.package import Package

if TYPE_CHECKING:
    import numpy as np

#: A number; of a multiclass model one per class; of a custom one any JSON value.
Score: TypeAlias = Any
#: One behind the other, or the matrix that `encoding.table` made of a dataset.
Rows: TypeAlias = "Sequence[Values] | np.ndarray[Any, Any]"
#: A mapping with a value for each input, or what the model's encoder made of it.
Values: TypeAlias = "Mapping[str, Any] | list[float]"
#: In contributions: what the score is before any input is looked at.
BASE = "base"
#: No score is larger: monitoring adds up squares of squares of them.
LARGEST = 1e70
#: By task, the least and the greatest score; chances of single precision miss 0 and 1 by their last digit.
BOUNDS = {"binary": (-1e-6, 1 + 1e-6), "regression": (-LARGEST, LARGEST)}
#: What a score is, by task.
EXPECTED = {
    "binary": "a chance from 0 to 1 for each row",
    "multiclass": "a chance from 0 to 1 for each class",
    "regression": f"a finite number for each row, not beyond {LARGEST:g}",
    "custom": "a text, a number or an object of JSON for each row",
}


class PredictionError(HeadgateError):
    """The model gave no usable score."""


class UnansweredError(PredictionError):
    """The model did not say anything: it hangs, or its process ended. Asking again may wait as long."""


class UnusableError(PredictionError):
    """The model gave a score for each row, and not all are what the task asks for."""

    #: Those that are; None for each of the others.
    scores: Sequence[Score]


class Predictor(Protocol):
    """A loaded model."""

    #: Whether a call waits for another process; a server asks in a thread then.
    waits: bool
    #: Whether `contributions` can be asked for.
    explains: bool
    #: What makes numbers of a row; None where a model takes values as they are, and mappings alone.
    encoder: Encoder | None

    def predict(self, rows: Rows) -> list[Score]:
        """A score for each row.

        Raises:
            PredictionError: there is none for a row.
        """

    def predict_one(self, row: Values) -> Score:
        """The score of one row.

        Raises:
            PredictionError: there is none.
        """

    def contributions(self, values: Mapping[str, Any]) -> dict[str, float]:
        """What each input adds to the score of one row, with `base` before all; in log odds if binary."""

    def close(self) -> None:
        """Gives up what it holds."""


class Encoded:
    """What flavours share that take a matrix of doubles."""

    waits = False
    explains = False

    def __init__(self, package: Package) -> None:
        self.name = package.name
        self.task = package.task
        self.inputs = tuple(given.name for given in package.signature.inputs)
        self.encoder: Encoder = Encoder(package.signature.inputs, package.options.get(CATEGORIES, {}))

    def numbers(self, row: Values) -> list[float]:
        """A row as the model takes it."""
        return row if isinstance(row, list) else self.encoder.row(row)

    def matrix(self, rows: Rows) -> np.ndarray[Any, Any]:
        """The rows as doubles, row by row."""
        import numpy as np

        if isinstance(rows, np.ndarray):
            return np.ascontiguousarray(rows, dtype=np.float64)
        encoded = [self.numbers(row) for row in rows]
        return np.array(encoded, dtype=np.float64).reshape(len(encoded), len(self.inputs))

    def contributions(self, values: Mapping[str, Any]) -> dict[str, float]:
        """Refuses: this flavour has none."""
        raise UsageError(
            f"model {self.name}",
            expected="a model that can be explained: LightGBM or linear",
            found="another",
            next_step="ask for the score alone",
        )

    def close(self) -> None:
        """Nothing is held that does not go by itself."""


def require_inputs(name: str, expected: Sequence[str], found: Sequence[str]) -> None:
    """Refuses a model that was trained with other inputs, or in another order, than its signature says.

    Raises:
        UsageError: it was.
    """
    if list(expected) == list(found):
        return
    place = next(
        (at for at, pair in enumerate(zip(expected, found, strict=False)) if pair[0] != pair[1]),
        min(len(expected), len(found)),
    )
    first = [names[place] if place < len(names) else "no more" for names in (expected, found)]
    raise UsageError(
        f"model {name}, input {place + 1}",
        expected=f"{first[0]}, as the signature says",
        found=f"{first[1]} in the model's file",
        next_step="train again with the inputs of the signature, in its order",
    )


def require_count(name: str, expected: int, found: int) -> None:
    """Refuses a model that takes another number of inputs than its signature has.

    Raises:
        UsageError: it does.
    """
    if expected != found:
        raise UsageError(
            f"model {name}",
            expected=f"{expected} inputs, as the signature says",
            found=f"{found} in the model's file",
            next_step="train again with the inputs of the signature, in its order",
        )


def require_classes(package: Package, found: int) -> None:
    """Refuses a model that gives a score of its own for another number of classes than the package names.

    Raises:
        UsageError: it does, or gives several scores where the task has one.
    """
    is_multiclass = package.task == "multiclass"
    named = len(package.options.get(CLASSES) or ()) or max(found, 2)
    if found == (named if is_multiclass else 1):
        return
    raise UsageError(
        f"model {package.name}",
        expected=f"a score for each of {named} classes"
        if is_multiclass
        else f"one score, task {package.task}",
        found=f"{found} in the model's file",
        next_step="correct the task or the option `classes`, or train again",
    )


def checked(name: str, task: str, scores: list[Any]) -> list[Score]:
    """The scores, if each is one that the task has.

    Raises:
        UnusableError: one is not; it tells the others.
    """
    is_usable = _USABLE.get(task)
    if is_usable is not None and not all(map(is_usable, scores)):
        raise unusable(name, task, [score if is_usable(score) else None for score in scores])
    return scores


def unusable(name: str, task: str, scores: list[Any]) -> UnusableError:
    """What says that not all scores are the task's: in `scores` None stands for the others."""
    error = UnusableError(
        f"model {name}",
        expected=EXPECTED[task],
        found="something else",
        next_step="ask without this row; the model's own code or its training is at fault",
    )
    error.scores = scores
    return error


def is_number(value: Any) -> bool:
    """Whether a score is a number that can be reckoned with."""
    # A NaN is neither below nor above.
    return isinstance(value, int | float) and not isinstance(value, bool) and -LARGEST <= value <= LARGEST


def _is_chance(value: Any) -> bool:
    low, high = BOUNDS["binary"]
    return is_number(value) and low <= value <= high


def _are_chances(values: Any) -> bool:
    return isinstance(values, list) and bool(values) and all(map(_is_chance, values))


#: By task, of answers that are numbers; a custom model's are looked at where they come from (`pyfunc`).
_USABLE: dict[str, Callable[[Any], bool]] = {
    "binary": _is_chance,
    "multiclass": _are_chances,
    "regression": is_number,
}
