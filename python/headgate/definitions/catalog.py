"""Definitions of models, and what has a part in each of their columns, down to the landed records."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from headgate.definitions.seeds import SeedContent

if TYPE_CHECKING:
    from headgate.definitions.slices import Statement

#: Every column: what a slice by an unknown name amounts to.
ALL = "*"


@dataclass(frozen=True)
class Definition:
    """What one model is built from."""

    model: str
    #: Its SQL as it is built from nothing, and as partitions are added.
    first_sql: str
    next_sql: str
    #: What else decides on its rows: `unique_key`.
    settings: Mapping[str, Any]
    #: The models that it reads: name -> key of their definition.
    upstream: Mapping[str, str]
    #: The seeds that it reads: name -> checksum of the file.
    seeds: Mapping[str, str]

    @property
    def given_settings(self) -> dict[str, Any]:
        """Its settings without those that are not given, as earlier versions recorded them."""
        return {name: value for name, value in self.settings.items() if value is not None}

    @cached_property
    def statements(self) -> tuple[Statement, ...]:
        """Both statements, one when they are the same."""
        # A parser of SQL is slow to import, and most publishes need none.
        from headgate.definitions.slices import take_apart

        first = take_apart(self.first_sql)
        return (first,) if self.next_sql == self.first_sql else (first, take_apart(self.next_sql))


class Definitions:
    """Definitions by key: the model's name where they are declared, a hash where they are deployed."""

    def __init__(
        self, by_key: Mapping[str, Definition], seeds: Mapping[str, SeedContent] | None = None
    ) -> None:
        """`seeds`: contents by checksum, where they are known; others are told apart by their checksum."""
        self.by_key = by_key
        self.seeds = dict(seeds or {})
        self._found: dict[tuple[str, frozenset[str]], str] = {}
        self._texts: dict[str, str] = {}

    def text(self, key: str) -> str:
        """A hash of the text of all that a model is built from; where two are equal, so is every digest.

        It needs no parser of SQL, which a digest does.
        """
        definition = self.by_key.get(key)
        if definition is None:
            return _hash(key)
        if key not in self._texts:
            upstream = {
                model: self.text(other)
                for model, other in definition.upstream.items()
                if model != definition.model
            }
            own = (definition.first_sql, definition.next_sql, definition.given_settings, definition.seeds)
            self._texts[key] = _hash(own, upstream)
        return self._texts[key]

    def digest(self, key: str, columns: Iterable[str] = (ALL,)) -> str:
        """A hash of all that has a part in some columns of a model; equal for SQL that means the same.

        A model without a definition is known by its key alone.
        """
        return self._digest(key, frozenset(columns))

    def own_digest(self, key: str, columns: Iterable[str] = (ALL,)) -> str:
        """As `digest`, but of what the model itself says, whatever it reads is built from."""
        definition = self.by_key[key]
        slices = [statement.slice(columns)[0] for statement in definition.statements]
        mentioned = _mentioned(definition, frozenset(columns))
        return _hash(slices, definition.given_settings, self._seeds(definition, mentioned))

    def needs(self, key: str, columns: Iterable[str]) -> dict[str, frozenset[str]]:
        """What some columns of a model are computed from: model, itself too -> names that have a part."""
        found: dict[str, frozenset[str]] = {}
        self._collect(key, frozenset(columns), found)
        return found

    def _collect(self, key: str, names: frozenset[str], found: dict[str, frozenset[str]]) -> None:
        definition = self.by_key.get(key)
        if definition is None or names <= found.get(definition.model, frozenset()):
            return
        found[definition.model] = found.get(definition.model, frozenset()) | names
        mentioned = _mentioned(definition, names)
        for model, other in definition.upstream.items():
            if model != definition.model:
                self._collect(other, _read_of(definition, model, mentioned), found)

    def _digest(self, key: str, names: frozenset[str]) -> str:
        definition = self.by_key.get(key)
        if definition is None:
            return _hash(key)
        if (key, names) not in self._found:
            mentioned = _mentioned(definition, names)
            upstream = {
                model: self._digest(other, _read_of(definition, model, mentioned))
                for model, other in definition.upstream.items()
                if model != definition.model
            }
            self._found[key, names] = _hash(
                [statement.slice(names)[0] for statement in definition.statements],
                definition.given_settings,
                upstream,
                self._seeds(definition, mentioned),
            )
        return self._found[key, names]

    def _seeds(self, definition: Definition, mentioned: frozenset[str]) -> dict[str, str]:
        """What a model reads of its seeds: seed -> its content in the columns that are mentioned."""
        return {
            seed: self._seed(checksum, _read_of(definition, seed, mentioned))
            for seed, checksum in definition.seeds.items()
        }

    def _seed(self, checksum: str, names: frozenset[str]) -> str:
        if checksum not in self.seeds:
            return checksum
        return self.seeds[checksum].columns(None if ALL in names else names)


def _mentioned(definition: Definition, names: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(statement.slice(names)[1] for statement in definition.statements))


def _read_of(definition: Definition, model: str, mentioned: frozenset[str]) -> frozenset[str]:
    """The columns of an upstream model or seed that have a part; all where it is read by place."""
    by_place = any(model in statement.tables_by_place for statement in definition.statements)
    return mentioned | {ALL} if by_place else mentioned


def _hash(*parts: Any) -> str:
    text = json.dumps(parts, sort_keys=True, default=dict)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
