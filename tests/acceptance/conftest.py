"""What acceptance tests share: a database of the twelve real hours, and what servers made of files."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.acceptance.hours import REAL
from tests.acceptance.runs import build
from tests.acceptance.tables import Fingerprint, differences
from tests.support import Database, Databases

SameOnEveryServer = Callable[[str, dict[str, Fingerprint]], None]


@pytest.fixture(scope="session")
def real_hours(databases: Databases) -> Iterator[Database]:
    """A database with the twelve real hours landed and built, behind all gates; not to be changed."""
    with databases.new() as database:
        build(database, REAL, gates=True)
        yield database


@pytest.fixture(scope="session")
def same_on_every_server() -> SameOnEveryServer:
    """`same_on_every_server(name, fingerprints)`: equal to those that came under the same name before."""
    first: dict[str, dict[str, Fingerprint]] = {}

    def check(name: str, fingerprints: dict[str, Fingerprint]) -> None:
        assert differences(first.setdefault(name, fingerprints), fingerprints) == {}

    return check
