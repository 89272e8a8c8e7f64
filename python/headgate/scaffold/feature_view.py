"""New feature views: what is measured of an entity's events within windows, declared over a typed model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.scaffold.event_columns import EventColumns
from headgate.scaffold.files import NewFiles
from headgate.scaffold.measures import (
    ALWAYS_GIVEN,
    Measure,
    parse_measure,
    parse_windows,
    require_distinct_columns,
    require_measurable,
    seconds_of,
)
from headgate.scaffold.names import require_name
from headgate.scaffold.quoting import for_dbt
from headgate.scaffold.render import Templates

#: Longer ones make names of gates that PostgreSQL cuts off.
LONGEST = 30
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


def new_feature_view(
    project_dir: Path,
    name: str,
    columns: EventColumns,
    *,
    keys: Sequence[str],
    at: str,
    windows: Sequence[str],
    measures: Sequence[str],
    resolution: str = "1h",
    description: str | None = None,
) -> NewFiles:
    """A feature view: declaration, contract, gates and unit test.

    Args:
        project_dir: folder that holds dbt_project.yml.
        name: its name.
        columns: of the events.
        keys: the entity key, columns of the events.
        at: column with the time of an event.
        windows: such as 1h, 24h, 7d, lifetime.
        measures: such as total=sum,mean:amount; see parse_measure().
        resolution: as_of stands at multiples of it.
        description: one sentence; one that tells what is measured unless given.

    Raises:
        UsageError: the name is no good or taken, or a key, window or measure is not one.
    """
    require_name("feature view", name, LONGEST)
    _require_free(project_dir, name)
    seconds = parse_windows(windows, resolution)
    parsed = [parse_measure(text) for text in measures]
    require_distinct_columns(parsed, seconds)
    key_columns = [columns.column("--key", key) for key in keys]
    time_column = columns.column("--at", at)
    _require_time(time_column, columns.type(f"--at {at}", time_column))
    declared = {
        "events": {_events_name(columns.relation): columns.relation},
        "keys": key_columns,
        "at": time_column,
        "resolution": resolution,
        "windows": list(seconds),
        "measures": {measure.name: measure.declared() for measure in parsed},
    }
    key_types = {key: columns.type(f"--key {key}", key) for key in key_columns}
    values: dict[str, Any] = {
        "name": name,
        "declared": declared,
        "keys": key_types,
        "events": columns.relation,
        "time": time_column,
        "description": for_dbt(description or _title(columns.relation, key_columns, windows)),
        "resolution": resolution,
        "features": _features(parsed, seconds, columns, time_column),
        "test": _unit_test(key_types, seconds, resolution),
    }
    templates = Templates(project_dir)
    return NewFiles(
        project_dir,
        {
            f"models/features/{name}.{ending}": templates.render(f"feature_view.{ending}", **values)
            for ending in ("sql", "yml")
        },
    )


def _features(
    measures: Sequence[Measure], windows: Mapping[str, int | None], columns: EventColumns, time_column: str
) -> list[dict[str, Any]]:
    """The columns of the view: name, type, description, whether it is always given."""
    found = []
    for measure in measures:
        of_type = columns.type(f"--measure {measure.name}", measure.of or "true")
        if measure.where:
            _require_condition(measure, columns)
        require_measurable(measure, of_type)
        for operation in measure.operations:
            for window, seconds in windows.items():
                within = f"as_of - {window} <= " if seconds else ""
                said = f"{measure.description(operation)}; {within}{time_column} < as_of."
                found.append(
                    {
                        "name": f"{measure.name}_{operation}_{window}",
                        "type": measure.type(operation, of_type),
                        "description": for_dbt(said),
                        "given": operation in ALWAYS_GIVEN,
                    }
                )
    return found


def _require_condition(measure: Measure, columns: EventColumns) -> None:
    found = columns.type(f"--measure {measure.name}", str(measure.where))
    if found != "boolean":
        raise UsageError(
            f"--measure {measure.name}",
            expected="a condition behind where",
            found=f"{measure.where}: {found}",
            next_step="compare it with something, such as status = 'paid'",
        )


def _require_time(column: str, found: str) -> None:
    if found != "timestamp with time zone":
        raise UsageError(
            f"--at {column}",
            expected="a column of type timestamp with time zone",
            found=found,
            next_step="name the column with the time of the event",
        )


def _require_free(project_dir: Path, name: str) -> None:
    """Refuses the name of a model that stands elsewhere."""
    features = project_dir / "models" / "features"
    standing = [path for path in (project_dir / "models").rglob(f"{name}.sql") if path.parent != features]
    if standing:
        raise UsageError(
            f"feature view {name}",
            expected="a name that no model has",
            found=f"{standing[0].relative_to(project_dir)}",
            next_step="choose another name",
        )


def _events_name(relation: str) -> str:
    """What the events are called in the declaration: their source, or the model."""
    source, _, rest = relation.removeprefix("stg_").partition("__")
    return source if rest in ("", "records", "events") else rest


def _title(relation: str, keys: Sequence[str], windows: Sequence[str]) -> str:
    entity, within = " and ".join(keys), ", ".join(windows)
    return f"What is measured of the events in {relation} of each {entity} within {within}."


def _unit_test(
    keys: Mapping[str, str], windows: Mapping[str, int | None], resolution: str
) -> dict[str, Any] | None:
    """Two events of one entity: rows where they enter and leave. None for keys without an example."""
    if not set(keys.values()) <= EXAMPLES.keys():
        return None
    unit = seconds_of(resolution)
    lengths = [seconds for seconds in windows.values() if seconds]
    later = SEEN + timedelta(seconds=max(lengths, default=0) + 2 * unit)
    entered = [_next(instant, unit) for instant in (SEEN, later)]
    left = [entered[0] + timedelta(seconds=seconds) for seconds in lengths]
    return {
        "key": {key: EXAMPLES[type_] for key, type_ in keys.items()},
        "seen": [_iso(SEEN), _iso(later)],
        "as_of": [_iso(instant) for instant in sorted({*entered, *left})],
    }


def _next(instant: datetime, unit: int) -> datetime:
    """The first multiple of the resolution after an instant."""
    return datetime.fromtimestamp((int(instant.timestamp()) // unit + 1) * unit, UTC)


def _iso(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"
