"""What a read answers: features by entity and view, with the release they are from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, overload

from headgate.store.reach import earliest


class Features(Mapping[str, Any]):
    """The values of one entity in one feature view: column -> value, in the columns' order.

    Integers are int, fractions float, instants datetime in UTC; None is a value that the view has no answer
    for, for instance a rate of nothing.
    """

    __slots__ = ("_places", "_record", "as_of")

    #: The instant that the values are valid from; every event before it has been counted.
    as_of: datetime

    def __init__(self, record: Any, places: Mapping[str, int], as_of: datetime) -> None:
        self._record = record
        self._places = places
        self.as_of = as_of

    def __getitem__(self, column: str) -> Any:
        return self._record[self._places[column]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)

    def __repr__(self) -> str:
        return f"Features({len(self)} columns, as_of={self.as_of.isoformat()})"

    def picked(self, columns: Iterable[str]) -> list[Any]:
        """The values of some columns, in that order."""
        record, places = self._record, self._places
        return [record[places[column]] for column in columns]

    def as_dict(self) -> dict[str, Any]:
        """The values as a plain dictionary."""
        record = self._record
        return {column: record[place] for column, place in self._places.items()}


@dataclass(frozen=True, slots=True)
class Entity:
    """One entity that was asked for. A view in which it has no features says None, never a row of nulls."""

    key: Mapping[str, Any]
    features: Mapping[str, Features | None]

    def __getitem__(self, view: str) -> Features | None:
        return self.features[view]

    @property
    def missing(self) -> tuple[str, ...]:
        """The views in which the entity has no features."""
        return tuple(view for view, found in self.features.items() if found is None)


@dataclass(frozen=True, slots=True)
class Answer(Sequence[Entity]):
    """The entities in the order they were asked for, all from one release."""

    #: Number of the release that every value is from.
    release: int
    #: By view: its values cover every event before this instant; None when that is not known.
    processed_to_by_view: Mapping[str, datetime | None]
    entities: tuple[Entity, ...]

    @property
    def processed_to(self) -> datetime | None:
        """The instant up to which all views of the answer cover every event; None when one does not know."""
        return earliest(self.processed_to_by_view.values())

    @overload
    def __getitem__(self, index: int) -> Entity: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Entity, ...]: ...
    def __getitem__(self, index: int | slice) -> Entity | tuple[Entity, ...]:
        return self.entities[index]

    def __len__(self) -> int:
        return len(self.entities)

    @property
    def missing(self) -> list[tuple[int, str]]:
        """(index of the entity, view) for all that have no features."""
        return [(index, view) for index, entity in enumerate(self.entities) for view in entity.missing]
