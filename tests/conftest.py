"""What all tests share: throw-away PostgreSQL servers of two kinds, and fresh databases on them."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.postgres.cluster import Cluster
from tests import forked
from tests.shop import TABLE
from tests.support import Database, Databases
from tests.trial_servers import HOME, KINDS, Home, cluster

pytest_plugins = ["tests.selection"]

# A shell that starts tests in the background has them ignore Ctrl-C, and what they start inherits that.
signal.signal(signal.SIGINT, signal.default_int_handler)


SHARED = pytest.StashKey[Home]()


def pytest_configure(config: pytest.Config) -> None:
    """The first process of a run makes the folder that all of them share."""
    if not hasattr(config, "workerinput"):
        config.stash[SHARED] = Home.make()
        os.environ[HOME] = str(config.stash[SHARED].path)
    # What tests themselves start is started as ever.
    forked.replace_popen(Path(os.environ[HOME]), landing_only=True)


def pytest_unconfigure(config: pytest.Config) -> None:
    """It also stops the servers, when all are done."""
    if SHARED in config.stash:
        config.stash[SHARED].remove()


@pytest.fixture(scope="session", params=KINDS)
def server(request: pytest.FixtureRequest) -> Cluster:
    """A running throw-away server, shared by all tests: once the embedded one, once that of the system."""
    found = cluster(Path(os.environ[HOME]), request.param)
    if found is None:
        pytest.skip("no PostgreSQL 15 or newer below /usr/lib/postgresql (apt-get install postgresql-15)")
    found.start()
    return found


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
