"""What stands in a declared feature view, held against what brute force expects."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from headgate import postgres
from headgate.store import reach
from tests.measured import Expected, Record, is_same
from tests.project_copy import ProjectCopy

#: Rows compared by view and stage.
SAMPLED = 50


def run(project: ProjectCopy, *words: str) -> None:
    """Builds models, and what they rest on, without gates and unit tests."""
    models = [f"+{word}" for word in words if not word.startswith("-")]
    options = [word for word in words if word.startswith("-")]
    kinds = ("--resource-type", "model", "--resource-type", "seed")
    project.dbt("build", *options, *kinds, "--select", *models)


def compare_view(project: ProjectCopy, name: str, expected: Expected, records: Iterable[Record]) -> None:
    """Every row of a view stands where it has to, and the values of some are those of the records."""
    rows = expected.rows(records, asyncio.run(_processed_to(project, name)))
    found = held(project, name, [*expected.keys, "as_of"])
    assert found.keys() == rows.keys(), name
    wrong = []
    for key in random.Random(name).sample(sorted(rows), min(len(rows), SAMPLED)):
        values = expected.values(key[-1], rows[key])
        wrong += [
            (key, column, found[key][column], value)
            for column, value in values.items()
            if not is_same(found[key][column], value)
        ]
    assert wrong == [], (name, wrong[:5])


async def _processed_to(project: ProjectCopy, view: str) -> datetime | None:
    """How far a release would say that the view is processed: as far its rows have to stand."""
    connection = await postgres.connect(project.database.settings)
    try:
        return (await reach.processed_to(connection, [view]))[view]
    finally:
        await connection.close()


def held(project: ProjectCopy, view: str, key: list[str]) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The rows of a view by key and as_of."""
    columns = [
        name
        for (name,) in project.database.query(
            "select attname from pg_attribute"
            " where attrelid = to_regclass(%s) and attnum > 0 and not attisdropped order by attnum",
            f"features.{view}",
        )
    ]
    rows = [
        dict(zip(columns, row, strict=True))
        for row in project.database.query(f"select * from features.{view}")
    ]
    return {tuple(row[name] for name in key): row for row in rows}
