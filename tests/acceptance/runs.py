"""Landing and building, as the pipelines do it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.acceptance.hours import generated, hours_from
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


def two_hours(databases: Databases, folder: Path) -> str:
    """A template with two generated hours from 2016-01-01T01 on, built behind all gates and published."""

    def fill(database: Database) -> None:
        database.headgate("land", "gharchive", *generated(folder, hours_from("2016-01-01T01", 2)))
        database.headgate("apply", "--yes")

    return databases.template("two_hours", fill)


def from_scratch(databases: Databases, files: Iterable[Path]) -> dict[str, Fingerprint]:
    """What one run over all files makes of them."""
    with databases.new() as database:
        build(database, files)
        return contents(database)
