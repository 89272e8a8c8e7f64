"""What pulling reports."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from headgate.landing import Appended
from headgate.settings import Settings
from headgate.sources import Source

#: Takes one line about what goes on; never a record's contents, never a secret.
Say = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """What one pull of a source brought."""

    source: str
    uri: str
    rows: Appended
    #: HTTP requests, or reads of the other server.
    requests: int = 0
    #: Rows of the source that are gone; each landed as a record that says so.
    deleted: int = 0
    #: What somebody should know: a gap, an index that is missing.
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    #: Seconds until the source may be asked again, where it says so.
    wait: float = 0.0

    @property
    def status(self) -> str:
        """`landed` when something new came, else `unchanged`."""
        return "landed" if self.rows.landed or self.rows.rejected else "unchanged"

    def as_dict(self) -> dict[str, Any]:
        """The result for programs, with the counts that a load has too."""
        rows = self.rows
        return {
            "source": self.source,
            "uri": self.uri,
            "status": self.status,
            "lines_read": rows.landed + rows.rejected,
            "rows_landed": rows.landed,
            "rows_rejected": rows.rejected,
            "rows_repaired": rows.repaired,
            "rows_redelivered": rows.redelivered,
            "rows_deleted": self.deleted,
            "requests": self.requests,
            "warnings": list(self.warnings),
            "seconds": round(self.seconds, 3),
            "error": None,
        }

    def plus(self, **more: Any) -> Pulled:
        """The same with other values."""
        return dataclasses.replace(self, **more)


@runtime_checkable
class PulledSource(Source, Protocol):
    """A source of a package that says itself how what is new is fetched and landed."""

    async def pull(self, settings: Settings, say: Say) -> Pulled:
        """Lands once what the source has that is new.

        Raises:
            HeadgateError: it cannot be reached; what had landed stays.
        """
