"""What all tests share: throw-away PostgreSQL servers of two kinds, and fresh databases on them."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest

from headgate.postgres.cluster import Cluster
from headgate.postgres.embedded import binaries
from tests.shop import TABLE
from tests.support import Database, Databases, system_binaries

# A shell that starts tests in the background has them ignore Ctrl-C, and what they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", params=["embedded", "system"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A running throw-away server: once the embedded one, once PostgreSQL as the system has it."""
    folder = binaries() if request.param == "embedded" else system_binaries()
    if folder is None:
        pytest.skip("no PostgreSQL 15 or newer below /usr/lib/postgresql (apt-get install postgresql-15)")
    # A crash of the machine may lose a test's data.
    fast = {"fsync": "off", "full_page_writes": "off", "max_wal_size": "1GB", "shared_buffers": "256MB"}
    cluster = Cluster(tmp_path_factory.mktemp(request.param), folder, fast)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def databases(server: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Databases:
    """Makes databases: `with databases.new() as database`; for fixtures of a wider scope than a test."""
    made = Databases(server, tmp_path_factory.mktemp("databases"))
    made.prepare()
    return made


@pytest.fixture
def database(databases: Databases) -> Iterator[Database]:
    """A fresh migrated database for one test."""
    with databases.new() as made:
        yield made


@pytest.fixture(scope="module")
def module_database(databases: Databases) -> Iterator[Database]:
    """A migrated database that the tests of one module share."""
    with databases.new() as made:
        yield made


@pytest.fixture
def headgate(database: Database) -> Any:
    """`headgate(*arguments, exit_code=0)`: the command against the test's database."""
    return database.headgate


@pytest.fixture
def dbt(database: Database) -> Any:
    """`dbt(*arguments, exit_code=0)`: dbt on the project against the test's database."""
    return database.dbt


@pytest.fixture
def shop(databases: Databases) -> Iterator[Database]:
    """Another database, with the table of a shop."""
    with databases.new() as made:
        made.query(TABLE)
        yield made
