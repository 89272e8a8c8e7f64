"""What landing reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from headgate.sources import Delivery

Status = Literal["landed", "unchanged", "replaced", "discarded", "failed"]


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """The outcome of one delivery.

    `replaced`: it landed in place of an older load, of its partition or of the same bytes. `discarded`:
    somebody discarded the load that holds these bytes, so nothing landed.
    """

    delivery: Delivery
    status: Status
    load_id: int | None = None
    lines_read: int = 0
    rows_landed: int = 0
    rows_rejected: int = 0
    rows_repaired: int = 0
    #: Unpacked bytes.
    bytes_read: int = 0
    seconds: float = 0.0
    #: Why it replaced what was landed; what takes in again what was discarded.
    reason: str | None = None
    #: Why it failed, in words; the parts of the HeadgateError.
    error: dict[str, str] | None = None

    @property
    def failed(self) -> bool:
        """True when nothing of the delivery landed."""
        return self.status == "failed"

    @property
    def rows_per_second(self) -> float:
        """Rows landed in a second, waiting for locks and downloads included."""
        return self.rows_landed / self.seconds if self.seconds else 0.0

    def as_dict(self) -> dict[str, Any]:
        """The result for programs (`--json`)."""
        partition = self.delivery.partition
        start, end = (partition.start.isoformat(), partition.end.isoformat()) if partition else (None, None)
        return {
            "source": self.delivery.source,
            "entity": self.delivery.entity,
            "partition_start": start,
            "partition_end": end,
            "uri": self.delivery.shown_uri,
            "status": self.status,
            "reason": self.reason,
            "load_id": self.load_id,
            "lines_read": self.lines_read,
            "rows_landed": self.rows_landed,
            "rows_rejected": self.rows_rejected,
            "rows_repaired": self.rows_repaired,
            "bytes_read": self.bytes_read,
            "seconds": round(self.seconds, 3),
            "error": self.error,
        }


@dataclass(frozen=True)
class Progress:
    """How far one delivery is: bytes of its file (0 of 0 before its size is known) and lines."""

    delivery: Delivery
    stage: Literal["download", "land"]
    done: int
    total: int
    lines: int = 0
