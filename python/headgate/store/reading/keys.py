"""Entity keys as callers give them, checked and turned into arguments of a statement."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from headgate.errors import UsageError

Key = Mapping[str, Any]
INTEGERS = {"smallint", "integer", "bigint"}
TEXTS = {"text", "character varying"}


def several(keys: Any) -> Sequence[Key]:
    """One key, or any number of them, as a sequence.

    Raises:
        UsageError: something else.
    """
    found = [keys] if isinstance(keys, Mapping) else list(keys) if isinstance(keys, Iterable) else [keys]
    for key in found:
        if not isinstance(key, Mapping):
            raise UsageError(
                "entity keys",
                expected="mappings with the key columns, for instance {'customer_id': 1}",
                found=f"a Python {type(key).__name__}",
                next_step="give each entity as a mapping",
            )
    return found


def columns_of(keys: Sequence[Key], expected: tuple[tuple[str, str], ...]) -> list[list[Any]]:
    """The keys' values by column, in the order of `expected`, which are (name, PostgreSQL type).

    Raises:
        UsageError: a key misses a column, has one that no view knows, or a value of another type.
    """
    names = {name for name, _ in expected}
    for key in keys:
        if key.keys() != names:
            raise _other_columns(key, expected)
    return [_checked([key[name] for key in keys], name, kind) for name, kind in expected]


def _checked(values: list[Any], name: str, kind: str) -> list[Any]:
    if kind in INTEGERS and set(map(type, values)) - {int}:
        return [_integer(value, name, kind) for value in values]
    if kind in TEXTS and set(map(type, values)) - {str}:
        return [_text(value, name, kind) for value in values]
    if None in values:
        raise wrong_type(name, kind, None)
    return values


def _integer(value: Any, name: str, kind: str) -> int:
    """Any whole number, of NumPy too; True is not one."""
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise wrong_type(name, kind, value)
    return int(value)


def _text(value: Any, name: str, kind: str) -> str:
    if not isinstance(value, str):
        raise wrong_type(name, kind, value)
    return str(value)


def wrong_type(name: str, kind: str, value: Any) -> UsageError:
    """The error for a key's value that its column cannot hold; names its type, never the value."""
    return UsageError(
        f"key column {name}",
        expected=f"a value for PostgreSQL's {kind}",
        found="None" if value is None else f"a Python {type(value).__name__}",
        next_step="convert the key before asking",
    )


def _other_columns(key: Key, expected: tuple[tuple[str, str], ...]) -> UsageError:
    names = [name for name, _ in expected]
    missing = [name for name in names if name not in key]
    unknown = [str(name) for name in key if name not in names]
    parts = [f"no {', '.join(missing)}"] if missing else []
    parts += [f"also {', '.join(unknown)}"] if unknown else []
    return UsageError(
        "entity key",
        expected=f"the columns {', '.join(names)}",
        found="; ".join(parts),
        next_step="give each entity as a mapping with exactly the key columns of the views",
    )
