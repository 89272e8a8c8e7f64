"""Which of a model's values are personal data, by the contracts of its views and its spine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

HMAC, DROP = "hmac", "drop"
#: Of a package's options.
OPTION = "personal"


@dataclass(frozen=True, kw_only=True)
class Personal:
    """What becomes of personal values before they are logged: `hmac` or `drop`, by name."""

    inputs: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, str] = field(default_factory=dict)
    #: Of an answer that is no number.
    answer: str | None = None

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Personal:
        """What a package's options say."""
        return cls(**options.get(OPTION, {}))

    def as_dict(self) -> dict[str, Any]:
        """For a package's options."""
        return {"inputs": dict(self.inputs), "keys": dict(self.keys), "answer": self.answer}
