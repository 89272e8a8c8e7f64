"""Landing and building, as the pipelines do it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.acceptance.tables import Fingerprint, landed_fingerprints, table_fingerprints
from tests.support import Database, Databases

WITHOUT_GATES = ("build", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")
WITH_GATES = ("build", "--exclude", "test_type:unit")


def build(database: Database, files: Iterable[Path], *, gates: bool = False) -> None:
    """Lands files and builds everything that follows from them."""
    database.headgate("land", "gharchive", *files)
    database.dbt(*(WITH_GATES if gates else WITHOUT_GATES))


def contents(database: Database) -> dict[str, Fingerprint]:
    """A fingerprint of everything landed and built."""
    return landed_fingerprints(database) | table_fingerprints(database)


def from_scratch(databases: Databases, files: Iterable[Path]) -> dict[str, Fingerprint]:
    """What one run over all files makes of them."""
    with databases.new() as database:
        build(database, files)
        return contents(database)
