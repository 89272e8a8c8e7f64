"""The event relations of a feature view, each with its time and keys, as people name them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headgate.errors import UsageError
from headgate.scaffold.event_columns import EventColumns

_NAME = re.compile(r"[a-z][a-z0-9_]{0,29}")


@dataclass(frozen=True)
class ViewEvents:
    """A relation, the column of its time, and its columns that make the entity key."""

    columns: EventColumns
    at: str
    keys: tuple[str, ...]


def parse_events(texts: Sequence[str]) -> dict[str, str]:
    """Typed models by what they are called in the view, of `MODEL` and `NAME=MODEL`.

    Raises:
        UsageError: a name is none, or two are the same.
    """
    pairs = [_named(text) for text in texts]
    names = [name for name, _ in pairs]
    wrong = [name for name in names if not _NAME.fullmatch(name) or names.count(name) > 1]
    if wrong:
        raise UsageError(
            f"--events {wrong[0]}",
            expected="different names of at most 30 lower-case letters, digits and underscores",
            found=", ".join(texts),
            next_step="give each a name, for instance --events refunds=stg_desk__records",
        )
    return dict(pairs)


def view_events(
    columns: Mapping[str, EventColumns], keys: Sequence[str], times: Sequence[str]
) -> dict[str, ViewEvents]:
    """The relations of a view.

    Args:
        columns: of each relation, by what it is called in the view.
        keys: columns of the entity key; EVENTS.KEY=COLUMN where some call it otherwise.
        times: column with the time; EVENTS=COLUMN where it is another.

    Raises:
        UsageError: a column is missing or has the wrong type, or the view has no such events.
    """
    entity = [key for key in keys if "=" not in key]
    if not entity:
        raise _wrong("--key", "the columns of the entity key", "none", "--key customer_id")
    if twice := [key for key in entity if entity.count(key) > 1]:
        raise _wrong(
            "--key", "each column of the entity key once", f"{twice[0]} twice", "--key once for each"
        )
    renamed = dict(_renamed(key) for key in keys if "=" in key)
    own_times = dict(_renamed(time) for time in times if "=" in time)
    _require_known("--key", [name.partition(".")[0] for name in renamed], columns)
    _require_known("--key", [name.partition(".")[2] for name in renamed], entity)
    _require_known("--at", own_times, columns)
    at = next((time for time in reversed(times) if "=" not in time), "recorded_at")
    found = {
        name: ViewEvents(
            relation,
            time_column(relation, own_times.get(name, at)),
            tuple(relation.column("--key", renamed.get(f"{name}.{key}", key)) for key in entity),
        )
        for name, relation in columns.items()
    }
    _require_one_type(found)
    _require_comparable(found)
    return found


def key_types(events: Mapping[str, ViewEvents]) -> dict[str, str]:
    """The columns of the entity key, as the first relation calls and types them."""
    first = next(iter(events.values()))
    return {key: first.columns.type(f"--key {key}", key) for key in first.keys}


def _named(text: str) -> tuple[str, str]:
    name, equals, relation = (part.strip() for part in text.partition("="))
    return (name, relation) if equals else (_called(name), name)


def _called(relation: str) -> str:
    """What events are called without a name of their own: their source, or the model."""
    source, _, rest = relation.removeprefix("stg_").partition("__")
    return source if rest in ("", "records", "events") else rest


def _renamed(text: str) -> tuple[str, str]:
    name, _, column = (part.strip() for part in text.partition("="))
    return name, column


def _require_known(
    option: str, names: Sequence[str] | Mapping[str, str], known: Sequence[str] | Mapping[str, object]
) -> None:
    for name in names:
        if name not in known:
            raise _wrong(f"{option} {name}", f"one of {', '.join(known)}", name, f"{option} with one of them")


def time_column(relation: EventColumns, at: str) -> str:
    """The column with the time of an event.

    Raises:
        UsageError: there is none of this name, or it holds no instants.
    """
    column = relation.column("--at", at)
    found = relation.type(f"--at {column}", column)
    if found != "timestamp with time zone":
        raise UsageError(
            f"--at {column}",
            expected="a column of type timestamp with time zone",
            found=found,
            next_step="name the column with the time of the event",
        )
    return column


def _require_one_type(events: Mapping[str, ViewEvents]) -> None:
    wanted = key_types(events)
    for name, relation in events.items():
        for (key, type_), column in zip(wanted.items(), relation.keys, strict=True):
            found = relation.columns.type(f"--key {column}", column)
            if found != type_:
                raise UsageError(
                    f"--key {name}.{key}={column}",
                    expected=f"{type_}, as {key} of the other events",
                    found=found,
                    next_step=f"type {column} of {relation.columns.relation} alike, or name another column",
                )


def _require_comparable(events: Mapping[str, ViewEvents]) -> None:
    """Refuses a key of a type without an order, such as json: no table has a primary key of it."""
    for relation in events.values():
        for key in relation.keys:
            relation.columns.aggregate_type(f"--key {key}", f"count(distinct {key})")


def _wrong(option: str, expected: str, found: str, example: str) -> UsageError:
    return UsageError(option, expected=expected, found=found, next_step=f"correct it: {example}")
