"""New feature views: what is measured of an entity's events within windows, declared over a typed model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.scaffold.event_columns import EventColumns
from headgate.scaffold.example_events import EXAMPLES, SEEN, iso, next_as_of
from headgate.scaffold.files import NewFiles
from headgate.scaffold.measures import (
    ALWAYS_GIVEN,
    ASKED,
    Measure,
    parse_expression,
    parse_measure,
    parse_windows,
    require_distinct_columns,
    require_lasting,
    require_measurable,
    seconds_of,
)
from headgate.scaffold.names import require_column_names, require_free_name, require_name
from headgate.scaffold.quoting import for_dbt
from headgate.scaffold.render import Templates
from headgate.scaffold.view_events import ViewEvents, key_types, view_events

#: What no column is, and what is one of a single character where its length is not told.
NO_COLUMNS = frozenset({"record", "character"})
#: Longer ones make names of gates that PostgreSQL cuts off.
LONGEST = 30


def new_feature_view(
    project_dir: Path,
    name: str,
    columns: Mapping[str, EventColumns],
    *,
    keys: Sequence[str],
    at: Sequence[str],
    windows: Sequence[str],
    measures: Sequence[str],
    expressions: Sequence[str] = (),
    resolution: str = "1h",
    description: str | None = None,
) -> NewFiles:
    """A feature view: declaration, contract, gates and unit test.

    Args:
        project_dir: folder that holds dbt_project.yml.
        name: its name.
        columns: of each relation with events, by what it is called in the view.
        keys: the entity key, columns of the events; EVENTS.KEY=COLUMN where it is called otherwise.
        at: column with the time of an event; EVENTS=COLUMN where it is another.
        windows: such as 1h, 24h, 7d, lifetime.
        measures: such as total=sum,mean:amount; see parse_measure().
        expressions: such as share=paid_count_7d / nullif(orders_count_7d, 0); see parse_expression().
        resolution: as_of stands at multiples of it.
        description: one sentence; one that tells what is measured unless given.

    Raises:
        UsageError: the name is no good or taken, or a key, window, measure or expression is not one.
    """
    require_name("feature view", name, LONGEST)
    require_free_name(project_dir, "feature view", name, project_dir / "models" / "features")
    seconds = parse_windows(windows, resolution)
    parsed = [parse_measure(text) for text in measures]
    derived = [parse_expression(text) for text in expressions]
    events = view_events(columns, keys, at)
    require_column_names(
        "feature view",
        [
            *(name for found in events.values() for name in (*found.keys, found.at)),
            *(name for name, _ in derived),
        ],
    )
    types = key_types(events)
    require_distinct_columns(parsed, seconds, list(types), [column for column, _ in derived])
    features = _features(parsed, seconds, events)
    declared = _declared(events, resolution, seconds, parsed, derived)
    relations = list(dict.fromkeys(relation.relation for relation in columns.values()))
    values: dict[str, Any] = {
        "name": name,
        "declared": declared,
        "keys": types,
        "events": relations,
        "time": next(iter(events.values())).at,
        "description": for_dbt(description or _title(relations, list(types), windows)),
        "resolution": resolution,
        "features": [*features, *_derived(derived, types, features, columns)],
        "test": _unit_test(types, seconds, resolution),
    }
    templates = Templates(project_dir)
    return NewFiles(
        project_dir,
        {
            f"models/features/{name}.{ending}": templates.render(f"feature_view.{ending}", **values)
            for ending in ("sql", "yml")
        },
    )


def _declared(
    events: Mapping[str, ViewEvents],
    resolution: str,
    windows: Mapping[str, int | None],
    measures: Sequence[Measure],
    expressions: Sequence[tuple[str, str]],
) -> dict[str, Any]:
    """The declaration, as the model holds it; what all events have alike stands once."""
    first = next(iter(events.values()))
    times = {name: relation.at for name, relation in events.items()}
    other_keys = {name: list(found.keys) for name, found in events.items() if found.keys != first.keys}
    return {
        "events": {name: relation.columns.relation for name, relation in events.items()},
        "keys": list(first.keys),
        "event_keys": other_keys,
        "at": times if len(set(times.values())) > 1 else first.at,
        "resolution": resolution,
        "windows": list(windows),
        "measures": {measure.name: measure.declared() for measure in measures},
        "expressions": dict(expressions),
    }


def _features(
    measures: Sequence[Measure], windows: Mapping[str, int | None], events: Mapping[str, ViewEvents]
) -> list[dict[str, Any]]:
    """The measured columns of the view: name, type, description, whether it is always given."""
    found = []
    for measure in measures:
        relation = _measured_events(measure, events)
        require_lasting(f"--measure {measure.name}", f"{measure.of} {measure.where}")
        of_type = relation.columns.type(f"--measure {measure.name}", measure.of or "true")
        if measure.where:
            relation.columns.require_condition(f"--measure {measure.name}", measure.where)
        require_measurable(measure, of_type)
        relation.columns.require_computable(f"--measure {measure.name}", measure.sql)
        _require_aggregates(measure, of_type, relation)
        for operation in measure.operations:
            for window, seconds in windows.items():
                within = f"as_of - {window} <= " if seconds else ""
                said = f"{measure.description(operation)}; {within}{relation.at} < as_of."
                found.append(
                    {
                        "name": f"{measure.name}_{operation}_{window}",
                        "type": measure.type(operation, of_type),
                        "description": for_dbt(said),
                        "given": operation in ALWAYS_GIVEN,
                        "least": int(measure.is_of_all_events and not seconds and len(events) == 1),
                    }
                )
    return found


def _require_aggregates(measure: Measure, of_type: str, relation: ViewEvents) -> None:
    """Refuses an operation that PostgreSQL does not have of that type, such as the least boolean.

    Of arrays it has no array of arrays, whose first is one of them.
    """
    for operation in measure.operations:
        aggregate = ASKED.get(operation, "").replace("%s", f"({measure.of})")
        cause = None
        try:
            found = relation.columns.aggregate_type(f"measure {measure.name}", aggregate) if aggregate else ""
        except UsageError as error:
            cause, found = error, ""
        is_column = operation in ALWAYS_GIVEN or of_type not in NO_COLUMNS
        is_kept = operation not in ("first", "last") or found == of_type
        if cause or (aggregate and not (is_column and is_kept)):
            raise UsageError(
                f"measure {measure.name}",
                expected=f"a type of which PostgreSQL has {operation}",
                found=f"{measure.of}: {of_type}",
                next_step=f"choose another operation or expression, such as ({measure.of})::text",
            ) from cause


def _measured_events(measure: Measure, events: Mapping[str, ViewEvents]) -> ViewEvents:
    """The events that a measure is over, the first unless it names others."""
    name = measure.events or next(iter(events))
    if name not in events:
        raise UsageError(
            f"--measure {name}.{measure.name}",
            expected=f"events of the view: {', '.join(events)}",
            found=name,
            next_step="name one of them, or add --events NAME=MODEL",
        )
    return events[name]


def _derived(
    expressions: Sequence[tuple[str, str]],
    keys: Mapping[str, str],
    features: Sequence[Mapping[str, Any]],
    columns: Mapping[str, EventColumns],
) -> list[dict[str, Any]]:
    """The columns of the view that are expressions over its others."""
    known = {name: ("null", kind) for name, kind in {**keys, "as_of": "timestamptz"}.items()}
    for feature in features:
        # As it is where a window lets go of its last event.
        known[feature["name"]] = (str(feature["least"]) if feature["given"] else "null", feature["type"])
    asked = next(iter(columns.values()))
    for name, sql in expressions:
        require_lasting(f"--expression {name}", sql)
    return [
        {
            "name": name,
            "type": asked.type_over(f"--expression {name}", sql, known),
            "description": for_dbt(f"`{sql}`."),
            "given": False,
        }
        for name, sql in expressions
    ]


def _title(relations: Sequence[str], keys: Sequence[str], windows: Sequence[str]) -> str:
    entity, within = " and ".join(keys), ", ".join(windows)
    return f"What is measured of the events in {' and '.join(relations)} of each {entity} within {within}."


def _unit_test(
    keys: Mapping[str, str], windows: Mapping[str, int | None], resolution: str
) -> dict[str, Any] | None:
    """Two events of one entity: rows where they enter and leave. None for keys without an example."""
    if not set(keys.values()) <= EXAMPLES.keys():
        return None
    unit = seconds_of(resolution)
    lengths = [seconds for seconds in windows.values() if seconds]
    later = SEEN + timedelta(seconds=max(lengths, default=0) + 2 * unit)
    entered = [next_as_of(instant, unit) for instant in (SEEN, later)]
    left = [entered[0] + timedelta(seconds=seconds) for seconds in lengths]
    return {
        "key": {key: EXAMPLES[type_] for key, type_ in keys.items()},
        "seen": [iso(SEEN), iso(later)],
        "as_of": [iso(instant) for instant in sorted({*entered, *left})],
    }
