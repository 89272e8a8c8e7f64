"""How values become the numbers that a model takes: one definition, for training and for serving.

Numbers and booleans are doubles, null is NaN, a text is the place of its category. `table` encodes
the columns of a dataset, `Encoder.row` a request: same values, same bits.
"""

from __future__ import annotations

import math
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from headgate.errors import UsageError
from headgate.model.signature import NUMBERS, TEXTS, Input

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

NAN = math.nan
#: Key of a package's options: by text input, its categories in order.
CATEGORIES = "categories"
_SINGLE = struct.Struct("f")


def plain(value: Any) -> Any:
    """What JSON has no form of, as code and the log get it: of a decimal its number, as requests bring it."""
    return float(value) if isinstance(value, Decimal) else str(value)


class Encoder:
    """Encodes one row after another.

    Args:
        inputs: those of the signature, in its order.
        categories: by text input, the categories in the order of their numbers.

    Raises:
        UsageError: an input is of a type that no model takes, or its categories are missing.
    """

    def __init__(self, inputs: Sequence[Input], categories: Mapping[str, Sequence[str]]) -> None:
        self.inputs = tuple(inputs)
        self._steps = [(given.name, _step(given, categories)) for given in inputs]
        self._form = [(given.name, given.type, tuple(categories.get(given.name, ()))) for given in inputs]

    def row(self, values: Mapping[str, Any]) -> list[float]:
        """The row of one mapping with a value for each input, as Python, JSON or the feature store has it.

        Raises:
            KeyError: it lacks an input.
            TypeError: a value is not of the input's type.
        """
        return [NAN if (value := values[name]) is None else step(value) for name, step in self._steps]

    def equals(self, other: Encoder) -> bool:
        """Whether it makes the same numbers of every row."""
        return self._form == other._form


def table(
    rows: pa.Table, inputs: Sequence[Input], categories: Mapping[str, Sequence[str]]
) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The columns of a dataset as a matrix of doubles: a row for each of its rows, a column for each input.

    Raises:
        UsageError: an input is of a type that no model takes, or its categories are missing.
        KeyError: the dataset lacks an input.
    """
    import numpy as np

    matrix = np.empty((rows.num_rows, len(inputs)), dtype=np.float64)
    for place, given in enumerate(inputs):
        matrix[:, place] = _column(given, rows[given.name], categories)
    return matrix


def categories_of(column: pa.ChunkedArray | pa.Array, *, most: int | None = None) -> list[str]:
    """The categories of a text column, sorted.

    Args:
        column: texts or uuids.
        most: keep the most frequent ones only; of equally frequent ones the first in the alphabet.
    """
    counts = Counter(str(value) for value in column.to_pylist() if value is not None)
    frequent = sorted(counts, key=lambda text: (-counts[text], text))
    return sorted(frequent[:most])


def _column(given: Input, column: pa.ChunkedArray, categories: Mapping[str, Sequence[str]]) -> Any:
    import numpy as np
    import pyarrow as pa
    import pyarrow.compute as pc

    step = _step(given, categories)
    if pa.types.is_decimal(column.type) or isinstance(column.type, pa.BaseExtensionType):
        # Arrow's own cast of decimals differs from Python's in the last bit.
        values: Iterable[Any] = column.to_pylist()
        return np.array([NAN if value is None else step(value) for value in values], dtype=np.float64)
    if given.type in TEXTS:
        known = pa.array(categories[given.name], pa.string())
        column = pc.index_in(pc.cast(column, pa.string()), value_set=known, skip_nulls=True)
    elif given.type == "real":
        column = pc.cast(column, pa.float32(), safe=False)
    doubles = pc.cast(_numbers(column), pa.float64(), safe=False)
    return pc.fill_null(doubles, NAN).to_numpy()


def _numbers(column: pa.ChunkedArray) -> pa.ChunkedArray:
    import pyarrow as pa
    import pyarrow.compute as pc

    return pc.cast(column, pa.int8()) if pa.types.is_boolean(column.type) else column


def _step(given: Input, categories: Mapping[str, Sequence[str]]) -> Callable[[Any], float]:
    """What makes a number of a value that is not null."""
    if given.type == "real":
        return _single
    if given.type in NUMBERS or given.type == "boolean":
        return float
    if given.type in TEXTS:
        return _category(given, categories)
    raise UsageError(
        f"input {given.name}",
        expected="a number, a boolean or a text",
        found=given.type,
        next_step="leave it out, or turn it into a number where it is selected, such as the hours since then",
    )


def _category(given: Input, categories: Mapping[str, Sequence[str]]) -> Callable[[Any], float]:
    if given.name not in categories:
        raise UsageError(
            f"input {given.name}",
            expected=f"its categories in the model's option {CATEGORIES}",
            found="none",
            next_step="train the model again with this Headgate, which keeps them",
        )
    places = {text: float(place) for place, text in enumerate(categories[given.name])}
    return lambda value: places.get(str(value), NAN)


def _single(value: Any) -> float:
    """The nearest single-precision number, which is what PostgreSQL's `real` and a dataset hold."""
    try:
        nearest: float = _SINGLE.unpack(_SINGLE.pack(value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)
    return nearest
