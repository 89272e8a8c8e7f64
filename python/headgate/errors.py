"""Every error that Headgate raises on purpose.

HeadgateError                exit code 1: something failed
├── UsageError               exit code 2: the command or its input was wrong
├── GateFailed               exit code 3: a quality gate did not pass
└── ConfirmationRequired     exit code 4: refused until confirmed
"""

from __future__ import annotations


class HeadgateError(Exception):
    """One error in four parts: which object, what was expected, what was found, what to do next.

    Parts are sentences without a record's contents and without secrets.
    """

    exit_code = 1

    def __init__(self, subject: str, *, expected: str, found: str, next_step: str) -> None:
        self.subject = subject
        self.expected = expected
        self.found = found
        self.next_step = next_step
        super().__init__(f"{subject}: expected {expected}; found {found}. Next: {next_step}")

    def as_dict(self) -> dict[str, str]:
        """The error for programs (`--json`)."""
        return {
            "error": type(self).__name__,
            "subject": self.subject,
            "expected": self.expected,
            "found": self.found,
            "next_step": self.next_step,
        }


class UsageError(HeadgateError):
    """The command, a setting or an input file is not usable as given."""

    exit_code = 2


class GateFailed(HeadgateError):
    """A quality gate did not pass; nothing downstream of it was built."""

    exit_code = 3


class NothingBuiltError(HeadgateError):
    """No feature view is built, so there is nothing that could be published."""


class ConfirmationRequired(HeadgateError):
    """The action destroys something and was not confirmed with `--yes`."""

    exit_code = 4
