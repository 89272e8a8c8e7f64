"""Numbers of loads, releases, datasets and rows that no column can hold are wrong usage, and told as such."""

from __future__ import annotations

import pytest

from tests.support import Database

#: Just beyond four bytes, beyond eight, and far beyond.
NUMBERS = (2**31, 2**63, 10**30)


@pytest.mark.parametrize("server", ["embedded"], indirect=True)
@pytest.mark.parametrize(
    ("command", "number"),
    [
        ("dataset verify", NUMBERS[0]),
        ("loads discard --reason none", NUMBERS[1]),
        ("loads list --limit", NUMBERS[2]),
        ("gates waive none --reason none --load", NUMBERS[2]),
    ],
)
def test_a_number_that_is_too_large_is_wrong_usage(database: Database, command: str, number: int) -> None:
    """Not an error that nobody foresaw, with a trace to report."""
    said = database.headgate(*command.split(), str(number), exit_code=2).stderr
    assert "out of range" in said
    assert not list((database.settings.home / "logs").glob("error-*"))
