"""The keys of a mapping in YAML, taken one by one and checked; messages name the place and the key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, cast

from headgate.contract.paths import Step, parse_path
from headgate.errors import UsageError

Path_ = tuple[Step, ...]


class Keys:
    """The keys of one mapping, taken one by one; what is left over at the end is unknown."""

    def __init__(self, values: object, place: str) -> None:
        if not isinstance(values, Mapping):
            raise loader_error(place, "a mapping", kind_of(values))
        self.place = place
        self._values = values
        self._known: list[str] = []

    def get(self, name: str) -> Any:
        """The value as it stands, None when it is not there."""
        self._known.append(name)
        return self._values.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """Text that is not empty."""
        found = self.get(name)
        found = default if found is None else found
        if not isinstance(found, str) or not found:
            raise self.error(name, "text", found)
        return found

    def match(self, name: str, pattern: re.Pattern[str], expected: str, default: str | None = None) -> str:
        """Text of a form."""
        found = self.text(name, default)
        if not pattern.fullmatch(found):
            raise self.error(name, expected, found)
        return found

    def choice(self, name: str, among: tuple[str, ...]) -> str:
        """One of some words."""
        found = self.get(name)
        if found not in among:
            near = get_close_matches(str(found), among, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise self.error(name, f"one of {', '.join(among)}{hint}", found)
        return cast("str", found)

    def integer(self, name: str, default: int | None, least: int = 0) -> int:
        """A whole number."""
        found = self.get(name)
        found = default if found is None else found
        if type(found) is not int or found < least:
            raise self.error(name, f"a whole number, {least} or more", found)
        return found

    def path(self, name: str, *, required: bool = False) -> Path_:
        """A path into JSON that leads to one place."""
        found = self.get(name)
        if found is None and not required:
            return ()
        try:
            steps = parse_path(found) if isinstance(found, str) else None
        except ValueError:
            steps = None
        if not steps or None in steps:
            raise self.error(name, "a path to one place, such as data.items", found)
        return steps

    def texts(self, name: str) -> tuple[tuple[str, str], ...]:
        """A mapping of names to texts or numbers."""
        found = self.get(name)
        if found is None:
            return ()
        if not isinstance(found, Mapping) or not all(is_plain(value) for value in found.values()):
            raise self.error(name, "a mapping of names to texts", found)
        return tuple((str(key), as_text(value)) for key, value in found.items())

    def names(self, name: str, pattern: str, expected: str) -> tuple[str, ...]:
        """One name, or a list of names."""
        found = self.get(name)
        listed = [found] if isinstance(found, str) else found
        if listed is None:
            return ()
        fits = isinstance(listed, list) and listed and all(isinstance(item, str) for item in listed)
        if not fits or not all(re.fullmatch(pattern, item) for item in listed):
            raise self.error(name, expected, found)
        return tuple(listed)

    def inner(self, name: str) -> Keys | None:
        """The mapping under a key."""
        found = self.get(name)
        return None if found is None else Keys(found, f"{self.place}.{name}")

    def finish(self) -> None:
        """Refuses keys that nobody asked for."""
        for key in self._values:
            if key not in self._known:
                near = get_close_matches(str(key), self._known, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise loader_error(
                    f"{self.place}.{key}", f"keys among {', '.join(sorted(self._known))}", f"this key{hint}"
                )

    def error(self, name: str, expected: str, found: object) -> UsageError:
        """A value that does not fit."""
        said = "nothing" if found is None else repr(found) if is_plain(found) else kind_of(found)
        return loader_error(f"{self.place}.{name}", expected, said)


def is_plain(value: object) -> bool:
    """Whether a value is a text, a number or a boolean."""
    return isinstance(value, str | int | float | bool)


def as_text(value: object) -> str:
    """A plain value as text, booleans as JSON writes them."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def kind_of(value: object) -> str:
    """What a value is, for a message; never the value."""
    return "nothing" if value is None else f"a {type(value).__name__}"


def loader_error(place: str, expected: str, found: str) -> UsageError:
    """What is wrong with a loader, and where."""
    return UsageError(place, expected=expected, found=found, next_step="correct it; see docs/sources.md")
