"""Which stream is followed, and how: the variables of the pipeline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from headgate.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class StreamConfig:
    """A stream of JetStream and its durable consumer; both are made where there are none."""

    stream: str = "events"
    subject: str = "events"
    durable: str = "headgate"
    #: Messages in one transaction, at most.
    batch_size: int = 1_000
    #: How long a batch waits for more messages.
    linger_seconds: float = 0.5
    #: Messages that the server hands out before it has acknowledgements: what waits in this process at most.
    max_in_flight: int = 4_000
    #: After so long without an acknowledgement the server hands a message out again.
    ack_wait_seconds: float = 20
    #: End when no message came for so long; 0: never.
    stop_when_idle_seconds: float = 0

    def __post_init__(self) -> None:
        for name in ("batch_size", "linger_seconds", "max_in_flight", "ack_wait_seconds"):
            if getattr(self, name) <= 0:
                raise _unusable(name, "a number above 0", str(getattr(self, name)))
        if self.max_in_flight < self.batch_size:
            raise _unusable("max_in_flight", "at least batch_size", str(self.max_in_flight))


def read_config(variables: Mapping[str, Any]) -> StreamConfig:
    """The configuration that a pipeline's variables give; what they do not name has its default.

    Raises:
        UsageError: a value cannot be used.
    """
    given: dict[str, Any] = {}
    for field in fields(StreamConfig):
        if field.name in variables:
            convert = {"str": str, "int": int, "float": float}[str(field.type)]
            try:
                given[field.name] = convert(variables[field.name])
            except (TypeError, ValueError):
                raise _unusable(field.name, "a number", repr(variables[field.name])) from None
    return StreamConfig(**given)


def _unusable(name: str, expected: str, found: str) -> UsageError:
    return UsageError(
        f"variable {name} of the pipeline",
        expected=expected,
        found=found,
        next_step="correct it in the pipeline's metadata.yaml",
    )
