"""Declared feature views of any kind hold what brute force makes of the events, however these arrive."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.measured import Expected, Record, is_same, length
from tests.support import Database
from tests.trial_view import TrialView

pytestmark = pytest.mark.parametrize("server", ["embedded"], indirect=True)

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
FIRST, SECOND = "2026-03-01T00:00:00.000000Z", "2026-03-02T00:00:00.000000Z"
#: Resolution -> how long events go on, and windows to choose from.
SCALES = {
    "1m": (timedelta(hours=3), ["1m", "7m", "20m", "2h", "lifetime"]),
    "1h": (timedelta(days=9), ["1h", "5h", "1d", "7d", "lifetime"]),
    "1d": (timedelta(days=120), ["1d", "7d", "30d", "365d", "lifetime"]),
}
NUMBERS = ["sum", "mean", "min", "max", "stddev", "median", "p90", "count", "first", "last", "count_distinct"]
#: A number that some notes stand for is none, or infinite.
READING = (
    "case note when 'gift' then 'NaN' when 'urgent' then 'Infinity' when 'later' then '-Infinity'"
    " else total end"
)
ODD = {"gift": Decimal("NaN"), "urgent": Decimal("Infinity"), "later": Decimal("-Infinity")}


def reading(order: Record) -> Decimal | None:
    """What READING gives."""
    return ODD.get(order["note"], order["total"])


#: What can be measured: SQL, the same in Python, operations.
MEASURED: list[tuple[str | None, Callable[[Record], Any], list[str]]] = [
    (None, lambda order: True, ["count", "seconds_since_last"]),
    ("total", lambda order: order["total"], NUMBERS),
    ("quantity * 2", lambda order: order["quantity"] and order["quantity"] * 2, NUMBERS),
    (
        READING,
        reading,
        ["sum", "mean", "stddev", "min", "max", "count", "count_distinct"],
    ),
    ("note", lambda order: order["note"], ["count", "min", "max", "first", "last", "count_distinct"]),
    ("is_paid", lambda order: order["is_paid"], ["any", "all", "share", "count"]),
]
CONDITIONS: list[tuple[str, Callable[[Record], bool]]] = [
    ("is_paid", lambda order: order["is_paid"] is True),
    ("quantity > 2", lambda order: (order["quantity"] or 0) > 2),
]
#: Views of these alone carry their values on from the row that stands, whatever the window.
CARRIED = ["count", "sum", "mean", "stddev", "any", "all", "share", "seconds_since_last"]
SAMPLED = 25
#: An example that failed is run again.
TRIALS = itertools.count()


def orders(rng: random.Random, count: int, lasting: timedelta, name: str) -> list[Record]:
    """Orders, half of them of one customer, some of nobody, many at one instant or at a full one."""
    instants = [BEGIN + lasting * rng.random() for _ in range(count)]
    instants += rng.choices(instants, k=count // 4)
    full = [
        at.replace(minute=at.minute // 20 * 20, second=0, microsecond=0)
        for at in rng.choices(instants, k=count // 4)
    ]
    return [
        {
            "order_id": f"{name}-{number}",
            "customer": rng.choice(["c-1"] * 5 + ["c-2", "c-3", "c-4", "c-5", None]),
            "created_at": at.isoformat(),
            "total": rng.choice([None, Decimal(rng.randrange(-(10**9), 10**9)) / 10**4]),
            "quantity": rng.choice([None, rng.randrange(5)]),
            "is_paid": rng.choice([None, True, False]),
            "note": rng.choice([None, "gift", "urgent", "later"]),
        }
        for number, at in enumerate([*instants, *full])
    ]


def measures(rng: random.Random) -> tuple[dict[str, Any], dict[str, Any]]:
    """Some measures: as they are declared, and as brute force has them; half of the time all are carried."""
    declared, expected = {}, {}
    are_carried = rng.random() < 0.5
    for number, (sql, of, operations) in enumerate(rng.sample(MEASURED, 3)):
        allowed = [one for one in operations if one in CARRIED] if are_carried else operations
        chosen = rng.sample(allowed, min(len(allowed), 3))
        condition = rng.choice([None, *CONDITIONS])
        name = f"m{number}"
        declared[name] = {"operations": chosen}
        if sql:
            declared[name]["of"] = sql
        if condition:
            declared[name]["where"] = condition[0]
        expected[name] = (chosen, limited(of, condition and condition[1]))
    return declared, expected


def limited(
    of: Callable[[Record], Any], condition: Callable[[Record], bool] | None
) -> Callable[[Record], Any]:
    """A measure of those records alone for which the condition holds."""
    return of if condition is None else lambda record: of(record) if condition(record) else None


@pytest.mark.parametrize("resolution", SCALES)
@settings(max_examples=10, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 10**9))
def test_values_are_those_of_brute_force(module_database: Database, resolution: str, seed: int) -> None:
    """Built whole, then with a late partition, one delivered again, and one taken back."""
    rng = random.Random(seed)
    lasting, windows = SCALES[resolution]
    windows = sorted(rng.sample(windows, 2), key=lambda name: length(name) or timedelta.max)
    declared, expected = measures(rng)
    name = f"trial_{resolution}_{next(TRIALS)}"
    view = TrialView(
        module_database,
        name,
        {
            "events": {"orders": f"{name}_events"},
            "keys": ["customer"],
            "at": "created_at",
            "resolution": resolution,
            "windows": windows,
            "measures": declared,
        },
    )
    step = length(resolution)
    assert step is not None
    wanted = Expected(["customer"], step, windows, expected)

    first, late = orders(rng, 80, lasting, "a"), orders(rng, 12, lasting, "b")
    reached = reaching(rng, lasting)
    view.load(FIRST, first, reached[FIRST])
    view.build(FIRST)
    compare(view, wanted, first, rng, reached[FIRST])

    view.load(SECOND, late, reached[SECOND])
    view.build(SECOND)
    compare(view, wanted, [*first, *late], rng, furthest(reached))

    again = [*rng.sample(first, len(first) - 9), *orders(rng, 4, lasting, "c")]
    reached |= {FIRST: reaching(rng, lasting)[FIRST] or reached[FIRST]}
    view.load(FIRST, again, reached[FIRST])
    view.build(FIRST)
    compare(view, wanted, [*again, *late], rng, furthest(reached))

    view.load(SECOND, [], reached[SECOND])
    view.build(SECOND)
    compare(view, wanted, again, rng, furthest(reached))


def test_what_is_no_finite_number_leaves_windows_too(module_database: Database) -> None:
    """A sum holds NaN or infinity as long as its window does, also where it is carried on."""
    rng = random.Random(7)
    name, windows, operations = "readings", ["1d", "7d", "lifetime"], ["sum", "mean", "stddev"]
    view = TrialView(
        module_database,
        name,
        {
            "events": {"orders": f"{name}_events"},
            "keys": ["customer"],
            "at": "created_at",
            "resolution": "1d",
            "windows": windows,
            "measures": {"m": {"operations": operations, "of": READING}},
        },
    )
    wanted = Expected(["customer"], timedelta(days=1), windows, {"m": (operations, reading)})
    first, late = orders(rng, 30, timedelta(days=60), "a"), orders(rng, 5, timedelta(days=90), "b")
    view.load(FIRST, first)
    view.build(FIRST)
    compare(view, wanted, first, rng, None)

    view.load(SECOND, late)
    view.build(SECOND)
    compare(view, wanted, [*first, *late], rng, None)


def reaching(rng: random.Random, lasting: timedelta) -> dict[str, datetime | None]:
    """How far each partition's load reaches: nobody knows, or to somewhere among its events or after them."""
    return {start: rng.choice([None, BEGIN + 2 * lasting * rng.random()]) for start in (FIRST, SECOND)}


def furthest(reached: dict[str, datetime | None]) -> datetime | None:
    """How far a source reaches whose loads reach so far."""
    return max(filter(None, reached.values()), default=None)


def compare(
    view: TrialView,
    expected: Expected,
    records: Iterable[Record],
    rng: random.Random,
    reached: datetime | None,
) -> None:
    """Rows stand where they have to; values of some, and their recount, are those of the records."""
    rows = expected.rows(records, reached)
    found = {(row["customer"], row["as_of"]): row for row in view.rows()}
    assert found.keys() == rows.keys()
    sampled = [found[key] for key in rng.sample(sorted(rows), min(len(rows), SAMPLED))]
    for row in [*sampled, *view.recounted()]:
        values = expected.values(row["as_of"], rows[row["customer"], row["as_of"]])
        wrong = {name: (row[name], value) for name, value in values.items() if not is_same(row[name], value)}
        assert wrong == {}, (row["customer"], row["as_of"])
