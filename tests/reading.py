"""Reads files as landing does, down to the JSON that is copied to the server; no server needed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

from headgate.contract import Contract, Envelope, PathRule
from headgate.landing.copyformat import PARTS
from headgate.landing.formats import open_content
from headgate.landing.privacy import Minimiser
from headgate.landing.screen import Screen
from headgate.sources.loaders import Files

#: Key -> type, as most tests declare them.
TYPES = {"id": "integer", "created_at": "timestamp", "v": "any"}


def contract_of(types: dict[str, Any], personal: Sequence[str] = ()) -> Contract:
    """A contract of these paths, identified by `id`."""
    rules = tuple(
        PathRule(path, kind, pii="hmac" if path in personal else None) for path, kind in types.items()
    )
    return Contract(1, Envelope("id", None, "created_at"), None, rules)


@dataclass
class Read:
    """What came of a file."""

    texts: list[str] = field(default_factory=list)
    rejects: int = 0
    reasons: dict[str, int] = field(default_factory=dict)

    @property
    def records(self) -> list[Any]:
        """The landed records; numbers as their digits, in order to compare them exactly."""
        return [json.loads(text) for text in self.texts]


def read_file(
    file: Path,
    declared: Files | None = None,
    types: dict[str, Any] | None = None,
    personal: Sequence[str] = (),
) -> Read:
    """What lands of a file, and what is rejected.

    Raises:
        HeadgateError: the file is refused.
    """
    contract = contract_of(TYPES if types is None else types, personal)
    content = open_content(file, PurePosixPath(file.name), declared or Files(), contract)
    found = Read()
    with closing(Screen(1, contract.envelope, Minimiser(contract, b"k" * 32))) as screen:
        for rows in content.rows(screen):
            found.texts += [text.decode() for text in rows[PARTS - 1 :: PARTS]]
        found.rejects, found.reasons = screen.rejects.rows, dict(screen.reasons)
        assert screen.tally.lines == screen.tally.landed + found.rejects
    return found
