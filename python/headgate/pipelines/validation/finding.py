"""One thing that is wrong: where it stands, what was expected, how to mend it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.pipelines.validation.codes import CODES, WARNING


@dataclass(frozen=True)
class Finding:
    """A finding. `message` says what was found; `expected` what should stand there; `mend` what to do."""

    code: str
    path: Path
    line: int
    message: str
    expected: str
    mend: str
    #: The block's uuid, or the trigger's name; empty where it is about the whole file.
    block: str = ""
    #: Whether Mage runs on as if it did not stand there: then it is a warning, whatever its code.
    harmless: bool = False

    @property
    def severity(self) -> str:
        """`error` or `warning`."""
        return WARNING if self.harmless else CODES[self.code].severity

    @property
    def place(self) -> str:
        """The file, from the current folder where it lies below it, and the line."""
        relative = os.path.relpath(self.path)
        return f"{self.path if relative.startswith('..') else relative}:{self.line}"

    def as_dict(self) -> dict[str, Any]:
        """The finding for programs."""
        return {
            "code": self.code,
            "severity": self.severity,
            "title": CODES[self.code].title,
            "file": self.place.rpartition(":")[0],
            "line": self.line,
            "block": self.block or None,
            "found": self.message,
            "expected": self.expected,
            "mend": self.mend,
        }

    def __str__(self) -> str:
        """Two lines for people."""
        block = f"[{self.block}] " if self.block else ""
        first = f"{self.place}: {self.code} {self.severity} {block}{self.message}; expected {self.expected}"
        return f"{first}\n    mend: {self.mend}"
