"""The spine of a dataset: a copy, so that it can be rebuilt whatever becomes of the labels."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from headgate.durations import duration
from headgate.errors import UsageError
from headgate.postgres.connection import Connection
from headgate.store.foreign import require_no_other
from headgate.store.reading import spine as reading
from headgate.store.reading.catalog import PublishedView
from headgate.store.reading.keys import TEXTS
from headgate.store.reading.spine import natural_order, relation_name, spine_of_relation
from headgate.store.views import quoted
from headgate.yaml_files import read_yaml, yaml_files_below

#: What a copy is; also how one that nobody has registered is told from a table that somebody else made.
COPY = "The spine of a dataset, as it was."
#: The column that orders the copy; it is not part of the dataset.
PLACE = "headgate_place"
#: A label with more different values than this is a quantity, whose values are not counted.
LABELS_COUNTED = 20
COLUMNS = reading.COLUMNS.format(relation="$1")
#: Rows of a copy that have no place in time: null, infinite, or out of the years that Python has.
UNUSABLE = """
    select
        count(*) filter (where {at} is null) as nulls,
        count(*) filter (
            where not isfinite({at}) or {at} < '0001-01-01 00:00+00' or {at} >= '10000-01-01 00:00+00'
        ) as others,
        count(*) as rows
    from {table}
"""


@dataclass(frozen=True)
class Declared:
    """What a dbt model says about itself as a spine (`config.meta.spine`)."""

    instant: str | None = None
    label: str | None = None
    #: How long after the instant the label is known, such as 2d.
    horizon: str | None = None


def declared(project_dir: Path, spine: str) -> Declared:
    """What the project's YAML says about the spine `schema.model`; nothing when it has no such model."""
    for path in yaml_files_below(project_dir / "models" / "training"):
        document = read_yaml(path)
        for model in (document.get("models") or []) if isinstance(document, dict) else []:
            if isinstance(model, dict) and spine.partition(".")[2] == model.get("name"):
                return _declared(path, model)
    return Declared()


def _declared(path: Path, model: dict[str, Any]) -> Declared:
    place: Any = model
    for key in ("config", "meta", "spine"):
        place = place.get(key) or {} if isinstance(place, dict) else place
    known = {field.name for field in fields(Declared)}
    texts = place.values() if isinstance(place, dict) and set(place) <= known else (None,)
    if all(isinstance(text, str) for text in texts) and (
        "horizon" not in place or duration(place["horizon"])
    ):
        return Declared(**place)
    raise UsageError(
        f"{path}, config.meta.spine of model {model['name']}",
        expected="names of columns under instant and label, and a duration such as 2d under horizon",
        found="something else",
        next_step="correct the file",
    )


async def copy(
    connection: Connection, spine: str, table: str, views: tuple[PublishedView, ...], instant: str | None
) -> str:
    """Copies a spine to `table` in schema `datasets`, numbered by key, instant and its other columns.

    Args:
        connection: not in a transaction.
        spine: `schema.name`.
        table: name of the copy; one of this name that nobody has registered is replaced.
        views: the feature views that are going to be joined.
        instant: the column with the instants; None: the only one that can be meant.

    Returns the column with the instants.

    Raises:
        UsageError: as for `FeatureStore.training_set`; or the spine has no rows.
        HeadgateError: somebody else made a relation of that name.
    """
    await require_no_other(
        connection,
        [f"datasets.{quoted(table)}"],
        [COPY],
        purpose="the spine of a dataset is kept there",
        nothing="made",
        next_step="move it to another schema (alter table ... set schema), or name the dataset otherwise",
    )
    source = relation_name(spine)
    types = {row["name"]: row["type"] for row in await connection.fetch(COLUMNS, source)}
    if PLACE in types:
        raise UsageError(
            f"spine {spine}",
            expected=f"no column {PLACE}, which numbers the rows of a dataset",
            found="one",
            next_step="rename the column",
        )
    rows = spine_of_relation(spine, types, views, instant)
    keys = [name for view in views for name in view.key_names]
    ordered = [
        column + (' collate "C"' if column.endswith("::text") or types[name] in TEXTS else "")
        for name, column in natural_order(types, (*keys, rows.instant)).items()
    ]
    target = f"datasets.{quoted(table)}"
    async with connection.transaction():
        await connection.execute(f"drop table if exists {target}")
        await connection.execute(
            f"create table {target} as"
            f" select row_number() over (order by {', '.join(ordered)}) as {PLACE}, spine.*"
            f" from {source} as spine"
        )
        await connection.execute(
            f"comment on table {target} is '{COPY}'; alter table {target} add primary key ({PLACE})"
        )
    await connection.execute(f"analyze {target}")
    if not await connection.fetchval(f"select exists (select from {target})"):
        await drop(connection, table)
        raise UsageError(
            f"spine {spine}",
            expected="at least one row",
            found="none",
            next_step="build it: `dbt build --selector training`",
        )
    await _require_instants(connection, spine, target, rows.instant)
    return rows.instant


async def _require_instants(connection: Connection, spine: str, target: str, instant: str) -> None:
    """Refuses, and drops the copy, when a row's instant cannot be joined to anything."""
    found = await connection.fetchrow(UNUSABLE.format(at=quoted(instant), table=target))
    assert found is not None
    if found["nulls"] or found["others"]:
        await connection.execute(f"drop table {target}")
        raise UsageError(
            f"spine {spine}, column {instant}",
            expected="an instant of the years 1 to 9999 in every row",
            found=f"{found['nulls']} of {found['rows']} rows with none,"
            f" {found['others']} infinite or out of range",
            next_step="leave these rows out of the spine",
        )


async def drop(connection: Connection, table: str) -> None:
    """Drops a copy."""
    await connection.execute(f"drop table if exists datasets.{quoted(table)}")


async def label_counts(connection: Connection, table: str, label: str | None) -> dict[str, int]:
    """How many rows each label has; nothing without a label, or when it is a quantity.

    Raises:
        UsageError: the spine has no such column.
    """
    if label is None:
        return {}
    names = [row["name"] for row in await connection.fetch(COLUMNS, f"datasets.{quoted(table)}")]
    if label not in names:
        raise UsageError(
            f"label {label}",
            expected=f"one of {', '.join(name for name in names if name != PLACE)}",
            found="no such column",
            next_step="name the column that holds the labels: --label",
        )
    rows = await connection.fetch(
        f"select to_jsonb(({quoted(label)}))::text as label, count(*) as count from datasets.{quoted(table)}"
        f" group by 1 order by 1 limit {LABELS_COUNTED + 1}"
    )
    if len(rows) > LABELS_COUNTED:
        return {}
    return {_word(row["label"]): row["count"] for row in rows}


def _word(label: str | None) -> str:
    value = None if label is None else json.loads(label)
    return value if isinstance(value, str) else json.dumps(value)
