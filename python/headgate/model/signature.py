"""What a model takes and gives: names, types, units; from dbt's contracts of its views and its spine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

#: PostgreSQL types of inputs, and how JSON carries them.
NUMBERS = ("smallint", "integer", "bigint", "numeric", "real", "double precision")
INTEGERS = NUMBERS[:3]
TEXTS = ("text", "character varying", "uuid")


@dataclass(frozen=True, kw_only=True)
class Input:
    """One value that a model takes."""

    #: Its column in the dataset: `<view>__<column>`, or the spine's own column.
    name: str
    #: PostgreSQL's type, as dbt's contract says it.
    type: str
    nullable: bool
    unit: str | None = None
    #: The feature view that it is read from; None when the request brings it.
    view: str | None = None


@dataclass(frozen=True, kw_only=True)
class Signature:
    """The inputs in the order that the model was trained with, the entity keys, and the output."""

    inputs: tuple[Input, ...]
    #: Entity key columns and their types; of all the views together.
    keys: tuple[tuple[str, str], ...]
    #: Name and type of what comes out, for instance `is_merged`, `double precision`.
    output: tuple[str, str]

    @property
    def requested(self) -> tuple[Input, ...]:
        """The inputs that a request has to bring."""
        return tuple(given for given in self.inputs if given.view is None)

    @property
    def fetched(self) -> tuple[Input, ...]:
        """The inputs that are read from the feature store."""
        return tuple(given for given in self.inputs if given.view is not None)

    def as_dict(self) -> dict[str, Any]:
        """The signature as JSON can hold it."""
        return {
            "inputs": [asdict(given) for given in self.inputs],
            "keys": [list(key) for key in self.keys],
            "output": list(self.output),
        }

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Signature:
        """What `as_dict` has written."""
        return cls(
            inputs=tuple(Input(**given) for given in values["inputs"]),
            keys=tuple((name, kind) for name, kind in values["keys"]),
            output=(values["output"][0], values["output"][1]),
        )
