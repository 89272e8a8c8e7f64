"""A difference between what is declared and what is deployed, and whether it breaks what reads it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

#: Layers in the order in which data passes them.
LAYERS = ("source", "typed", "features", "feature_store")


@dataclass(frozen=True, order=True, kw_only=True)
class Change:
    """One difference. What is told apart by it, and by nothing else, is what a plan's hash covers."""

    #: One of LAYERS.
    layer: str
    #: The source, model or feature view that changes.
    name: str
    #: For instance `added column`, `retyped column`, `redefined`, `removed path`.
    kind: str
    #: What of it: a column, a path, a window; empty for the whole.
    subject: str = ""
    before: str = ""
    after: str = ""
    breaking: bool
    #: Hash of what words do not tell, for instance of the SQL that is declared now.
    fingerprint: str = ""

    def sentence(self) -> str:
        """The change in words, without its class."""
        subject = f" {self.subject}" if self.subject else ""
        values = f": {self.before or 'none'} -> {self.after or 'none'}" if self.before or self.after else ""
        return f"{self.kind}{subject}{values}"

    def as_dict(self) -> dict[str, Any]:
        """The change for programs and for `ops.approvals`."""
        return asdict(self)


def changes_hash(changes: Iterable[Change]) -> str:
    """A hash of exactly these changes, in whatever order they come: 16 hexadecimal digits."""
    text = json.dumps([change.as_dict() for change in sorted(changes)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
