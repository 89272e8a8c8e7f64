"""What a request is refused with."""

from __future__ import annotations

from typing import Any

from headgate.errors import HeadgateError

RETRY_AFTER = "1"


class Refusal(Exception):  # noqa: N818 - an answer, not a mistake
    """A status, and what is wrong: object, expectation, found, next step."""

    def __init__(self, status: int, subject: str, *, expected: str, found: str, next_step: str) -> None:
        super().__init__(f"{subject}: {found}")
        self.status = status
        self.details = {
            "object": subject,
            "expected": expected,
            "found": found,
            "next_step": next_step,
        }

    @classmethod
    def of(cls, status: int, error: HeadgateError) -> Refusal:
        """The refusal that tells of an error."""
        return cls(
            status, error.subject, expected=error.expected, found=error.found, next_step=error.next_step
        )

    @property
    def body(self) -> dict[str, Any]:
        """What the client gets."""
        return {"error": self.details}
