"""Made-up events for unit tests: values of keys, and instants."""

from __future__ import annotations

from datetime import UTC, datetime

#: A value of each type that can be a key, for the unit test.
EXAMPLES = {
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric"), "1"),
    **dict.fromkeys(("text", "character varying"), "a"),
    "uuid": "00000000-0000-0000-0000-000000000001",
    "date": "2026-01-01",
    "boolean": "true",
}
#: The first event of the unit test.
SEEN = datetime(2026, 1, 1, 0, 0, 30, tzinfo=UTC)


def next_as_of(instant: datetime, unit: int) -> datetime:
    """The first multiple of the resolution after an instant."""
    return datetime.fromtimestamp((int(instant.timestamp()) // unit + 1) * unit, UTC)


def iso(instant: datetime) -> str:
    """As records and dbt have it."""
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
