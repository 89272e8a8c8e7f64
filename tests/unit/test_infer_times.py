"""Times in samples: texts with and without a zone, numbers since 1970, what is no time, what is ambiguous."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from headgate.errors import UsageError
from headgate.landing.times import EPOCH, TimeEncoder, pack_time
from headgate.scaffold.infer import Inferred, infer

BEGIN = 1_767_225_600


def sample(**values: Any) -> list[dict[str, Any]]:
    """Sixty records; a callable makes the value of each number."""
    return [
        {"id": f"e{n}", **{key: value(n) if callable(value) else value for key, value in values.items()}}
        for n in range(60)
    ]


def types(found: Inferred) -> dict[str, str]:
    """Path -> declared type."""
    return {rule.path: rule.type for rule in found.contract.paths}


@pytest.mark.parametrize(
    ("value", "declared"),
    [
        (lambda n: BEGIN + n, "epoch_s"),
        (lambda n: BEGIN + n + 0.25, "epoch_s"),
        (lambda n: f"{BEGIN + n}", "epoch_s"),
        (lambda n: (BEGIN + n) * 1_000, "epoch_ms"),
        (lambda n: (BEGIN + n) * 1_000_000, "epoch_us"),
        (lambda n: (BEGIN + n) * 1_000_000_000, "epoch_ns"),
        (lambda n: f"2016-01-01 03:04:{n:02}", "timestamp"),
        (lambda n: f"2016-01-01T03:04:{n:02}+0100", "timestamp"),
        (lambda n: f"2016-01-01 03:04:{n:02}.5+00", "timestamp"),
        (lambda n: f"2016-01-{n % 28 + 1:02}", "date"),
        (lambda n: f"2016/01/{n % 28 + 1:02}" if n else "2016-01-01 03:04", "timestamp"),
    ],
)
def test_times_are_found_and_declared(value: Any, declared: str) -> None:
    """The column is the record's time, whether it is found or given."""
    for given in (None, "created"):
        found = infer(sample(created=value), time=given)

        assert found.contract.envelope.time == "created"
        assert types(found)["created"] == declared
        assert found.contract.time_type == declared


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (lambda n: n, "numbers outside 1990 to 2099"),
        (lambda n: f"0{n % 9 + 1}/02/2016", "whether the day or the month comes first"),
        (lambda n: f"step {n}", "texts that are none"),
        ({"at": "2016-01-01"}, "values that are none"),
        (lambda n: BEGIN * 1_000 if n % 2 else BEGIN, "numbers outside 1990 to 2099"),
    ],
)
def test_what_is_no_time_is_refused_as_time(value: Any, words: str) -> None:
    """The option says what stands there instead, and quotes nothing."""
    with pytest.raises(UsageError) as refused:
        infer(sample(v=value), time="v")

    assert words in refused.value.found


def test_numbers_that_are_not_called_times_stay_numbers() -> None:
    """An id in the range of seconds is an id; given as time it is one."""
    records = sample(account=lambda n: BEGIN + n, started_at=lambda n: BEGIN + n)

    assert types(infer(records)) == {"id": "string", "account": "integer", "started_at": "epoch_s"}
    assert types(infer(records, time="account"))["account"] == "epoch_s"


def test_what_is_assumed_is_told() -> None:
    """UTC where no zone stands, units of numbers, and dates that are not guessed."""
    found = infer(
        sample(ts=lambda n: BEGIN + n, day=lambda n: f"0{n % 9 + 1}/02/2016", paid="2016-01-01 03:04:05")
    )

    assert types(found)["day"] == "string"
    assert "numbers read as times (epoch_s): ts" in found.notes
    assert "times without a zone, read as UTC: paid" in found.notes
    assert "dates that may begin with the day or the month, kept as text: day" in found.notes


def test_birthdays_stay_personal() -> None:
    """A date of birth is replaced by its HMAC, although it is a date."""
    (rule,) = [
        item for item in infer(sample(birthday="1980-02-03")).contract.paths if item.path == "birthday"
    ]

    assert (rule.type, rule.pii) == ("string", "hmac")


@pytest.mark.parametrize(
    ("time_type", "value", "expected"),
    [
        ("epoch_s", BEGIN, datetime(2026, 1, 1, tzinfo=UTC)),
        ("epoch_s", BEGIN + 0.5, datetime(2026, 1, 1, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("epoch_ms", f"{BEGIN}123", datetime(2026, 1, 1, 0, 0, 0, 123_000, tzinfo=UTC)),
        ("epoch_ns", BEGIN * 10**9 + 1_500, datetime(2026, 1, 1, 0, 0, 0, 2, tzinfo=UTC)),
        ("epoch_s", BEGIN * 1_000, None),
        ("epoch_s", True, None),
        ("epoch_s", "2026-01-01", None),
        ("timestamp", BEGIN, None),
    ],
)
def test_landing_reads_numbers_as_declared(time_type: str, value: Any, expected: datetime | None) -> None:
    """The record's time is null where it is not of the declared kind."""
    field = TimeEncoder(time_type).encode(value)

    if expected is None:
        assert field == b"\xff\xff\xff\xff"
    else:
        assert field == pack_time(8, (expected - EPOCH) // (EPOCH.resolution))
