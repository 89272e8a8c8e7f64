"""New spines: which entities and instants a training set is about, and what is to be predicted there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from headgate.errors import UsageError
from headgate.scaffold.event_columns import EventColumns
from headgate.scaffold.example_events import EXAMPLES, SEEN, iso
from headgate.scaffold.files import NewFiles
from headgate.scaffold.measures import parse_expression, seconds_of
from headgate.scaffold.names import require_column_names, require_free_name, require_name
from headgate.scaffold.quoting import for_dbt
from headgate.scaffold.render import Templates
from headgate.scaffold.view_events import time_column


def new_spine(
    project_dir: Path,
    name: str,
    events: EventColumns,
    *,
    keys: Sequence[str],
    at: str,
    label: str,
    inputs: Sequence[str] = (),
    horizon: str | None = None,
    where: str | None = None,
    description: str | None = None,
) -> NewFiles:
    """A training model: entities, instants, inputs and labels, with an enforced contract and a unit test.

    Args:
        project_dir: folder that holds dbt_project.yml.
        name: its name.
        events: the typed relation whose events are the instants.
        keys: the entity key as the feature views call it; KEY=COLUMN where the events call it otherwise.
        at: column with the time of an event.
        label: NAME=SQL; with a horizon an aggregate over the later events, else SQL over the event itself.
        inputs: a column, or NAME=SQL over the event: known at its instant; a request brings it.
        horizon: such as 7d: a label is about the events of the entity after the instant, as far as that.
        where: which events are instants; all unless given.
        description: one sentence; one that tells what is labelled unless given.

    Raises:
        UsageError: the name is no good or taken, or a key, input, label, horizon or condition is none.
    """
    require_name("spine", name)
    require_free_name(project_dir, "spine", name, project_dir / "models" / "training")
    label_name, sql = parse_expression(label, "--label", "ordered_again=count(*) > 0")
    time = time_column(events, at)
    pairs = [_key(events, key) for key in keys]
    named = dict(pairs)
    known = [_known(events, given) for given in inputs]
    columns = [*(key for key, _ in pairs), time, *(name for name, _ in known), label_name]
    require_column_names("spine", [*columns, *named.values()])
    _require_distinct(columns)
    seconds = _seconds(horizon) if horizon else None
    if where:
        events.require_condition("--where", where)
    ask = events.aggregate_type if seconds else events.type
    values: dict[str, Any] = {
        "name": name,
        "events": events.relation,
        "keys": {
            key: {"column": column, "type": events.type(f"--key {key}", column)}
            for key, column in named.items()
        },
        "at": time,
        "inputs": {
            name: {
                "sql": for_dbt(of_event),
                "type": events.type(f"--input {name}", of_event),
                "description": for_dbt(f"Known of the event at its instant: `{of_event}`."),
            }
            for name, of_event in known
        },
        "label": {"name": label_name, "sql": for_dbt(sql), "type": ask(f"--label {label_name}", sql)},
        "label_description": for_dbt(f"The label: `{sql}`{_within(horizon)}."),
        "horizon": horizon,
        "seconds": seconds,
        "where": for_dbt(where) if where else None,
        "description": for_dbt(description or _title(events.relation, horizon, where)),
        "test": None if where else _unit_test(events, named, seconds),
    }
    templates = Templates(project_dir)
    return NewFiles(
        project_dir,
        {
            f"models/training/{name}.{ending}": templates.render(f"spine.{ending}", **values)
            for ending in ("sql", "yml")
        },
    )


def _key(events: EventColumns, text: str) -> tuple[str, str]:
    """The key's name, and the column of the events that holds it."""
    name, equals, column = (part.strip() for part in text.partition("="))
    found = events.column("--key", column if equals else name)
    return (name if equals else found), found


def _known(events: EventColumns, text: str) -> tuple[str, str]:
    """Name and SQL of an input."""
    if "=" in text:
        return parse_expression(text, "--input", "hour=extract(hour from recorded_at)")
    column = events.column("--input", text)
    return column, column


def _seconds(horizon: str) -> int:
    if seconds := seconds_of(horizon):
        return seconds
    raise UsageError(
        "--horizon",
        expected="a length of time such as 12h or 30d",
        found=horizon,
        next_step="correct it, or leave it out: the label is then about the event itself",
    )


def _require_distinct(columns: Sequence[str]) -> None:
    if len(set(columns)) < len(columns):
        raise UsageError(
            "columns of the spine",
            expected="different names of key, instant, inputs and label",
            found=", ".join(columns),
            next_step="choose another name for the label or input: NAME=SQL",
        )


def _within(horizon: str | None) -> str:
    return f", over the events of the {horizon} after the instant" if horizon else ""


def _title(events: str, horizon: str | None, where: str | None) -> str:
    instants = f"events in {events}" + (f" where `{where}`" if where else "")
    if horizon is None:
        return f"Labels of {instants}."
    return (
        f"Labels of {instants}: what happened to the entity within {horizon} afterwards, once that is over."
    )


def _unit_test(events: EventColumns, keys: dict[str, str], seconds: int | None) -> dict[str, Any] | None:
    """Two events of one entity, one of nobody. None for keys without an example."""
    types = {key: events.type(f"--key {key}", column) for key, column in keys.items()}
    if not set(types.values()) <= EXAMPLES.keys():
        return None
    later = SEEN + timedelta(seconds=2 * (seconds or 60))
    return {
        "given": {keys[key]: EXAMPLES[type_] for key, type_ in types.items()},
        "key": {key: EXAMPLES[type_] for key, type_ in types.items()},
        "seen": [iso(SEEN), iso(later)],
        # With a horizon only the first is labelled: of the last it is not known what comes.
        "labelled": [iso(SEEN)] if seconds else [iso(SEEN), iso(later)],
    }
