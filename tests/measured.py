"""Feature values by brute force, in Python, from the records: what any declared feature view has to hold."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation, localcontext
from typing import Any

Record = Mapping[str, Any]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def length(name: str) -> timedelta | None:
    """5m, 1h, 7d as a length of time; None for the lifetime."""
    return None if name == "lifetime" else timedelta(**{UNITS[name[-1]]: int(name[:-1])})


@dataclass(frozen=True)
class Expected:
    """A feature view, declared anew: measures are functions of a record that give None for no value."""

    keys: Sequence[str]
    resolution: timedelta
    windows: Sequence[str]
    measures: Mapping[str, tuple[Sequence[str], Callable[[Record], Any]]]
    expressions: Mapping[str, Callable[[Mapping[str, Any]], Any]] = field(default_factory=dict)

    def rows(
        self, records: Iterable[Record], reached: datetime | None = None
    ) -> dict[tuple[Any, ...], list[tuple[datetime, Record]]]:
        """Where rows have to stand: the key and as_of of each, with the events of that key.

        Up to the last event, or as far as the source is processed where that is later.
        """
        events: dict[tuple[Any, ...], list[tuple[datetime, Record]]] = defaultdict(list)
        for record in records:
            key = tuple(record[name] for name in self.keys)
            if None not in key:
                events[key].append((datetime.fromisoformat(record["created_at"]), record))
        last = max(self.first_as_of(at) for held in events.values() for at, _ in held)
        last = max(last, reached or last)
        steps = [timedelta(0), *filter(None, map(length, self.windows))]
        return {
            (*key, entered + step): held
            for key, held in events.items()
            for entered in {self.first_as_of(at) for at, _ in held}
            for step in steps
            if entered + step <= last
        }

    def first_as_of(self, at: datetime) -> datetime:
        """The first multiple of the resolution after an instant."""
        return EPOCH + self.resolution * ((at - EPOCH) // self.resolution + 1)

    def values(self, as_of: datetime, events: Sequence[tuple[datetime, Record]]) -> dict[str, Any]:
        """The features of one row by name."""
        found = {}
        for window in self.windows:
            within = length(window)
            held = [
                (at, record)
                for at, record in events
                if at < as_of and (within is None or at >= as_of - within)
            ]
            for name, (operations, of) in self.measures.items():
                given = [(at, of(record)) for at, record in held if of(record) is not None]
                for operation in operations:
                    found[f"{name}_{operation}_{window}"] = measured(operation, given, as_of)
        return {**found, **{name: of(found) for name, of in self.expressions.items()}}


def measured(operation: str, given: Sequence[tuple[datetime, Any]], as_of: datetime) -> Any:
    """An operation on the values of events and their times, those before an instant."""
    values = [value for _, value in given]
    if operation == "count":
        return len(values)
    if operation == "count_distinct":
        return len(set(values))
    if operation == "sum":
        return added(values)
    if not values or (operation == "stddev" and len(values) < 2):
        return None
    found: dict[str, Callable[[], Any]] = {
        "mean": lambda: float(added(values) / len(values)),
        "stddev": lambda: float(statistics.stdev(values)) if added(values).is_finite() else math.nan,
        "min": lambda: min(values, key=rank),
        "max": lambda: max(values, key=rank),
        "first": lambda: min(given)[1],
        "last": lambda: max(given)[1],
        "any": lambda: any(values),
        "all": lambda: all(values),
        "seconds_since_last": (as_of - max(at for at, _ in given)).total_seconds,
        "share": lambda: sum(values) / len(values),
        "median": lambda: quantile(values, 0.5),
        "p90": lambda: quantile(values, 0.9),
    }
    return found[operation]()


def added(values: Sequence[Any]) -> Decimal:
    """The sum, as PostgreSQL's numeric: NaN of a NaN, and of opposite infinities."""
    with localcontext() as context:
        context.traps[InvalidOperation] = False
        return sum(map(Decimal, values), Decimal(0))


def rank(value: Any) -> tuple[bool, Any]:
    """Where a value stands among others: NaN is the greatest."""
    is_nan = isinstance(value, Decimal) and value.is_nan()
    return is_nan, Decimal(0) if is_nan else value


def quantile(values: Sequence[Any], share: float) -> float:
    """As SQL's percentile_cont: between the two values around it, in proportion."""
    ordered = sorted(map(float, values))
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def is_same(found: Any, expected: Any) -> bool:
    """Exactly, but for the last digits of floats."""
    if isinstance(expected, float) and isinstance(found, float):
        return math.isclose(found, expected, rel_tol=1e-9) or (math.isnan(found) and math.isnan(expected))
    if isinstance(expected, Decimal) and expected.is_nan():
        return isinstance(found, Decimal) and found.is_nan()
    return bool(found == expected)
