"""What is handed from block to block, and the transformer: a pure function, for messages come again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import orjson

from headgate.landing.memory import LARGE, require_room
from headgate.landing.messages import Message

T = TypeVar("T")


class Handed:
    """Never changed, so that the copy that Mage makes for each block may be the thing itself."""

    __slots__ = ()

    def __deepcopy__(self: T, memo: object) -> T:
        return self


@dataclass(frozen=True, slots=True)
class Received(Handed):
    """A message as the stream has it."""

    body: bytes
    stream: str
    #: Its number in the stream.
    sequence: int
    #: Nats-Msg-Id, where the publisher gave one.
    message_id: str | None = None


@dataclass(frozen=True, slots=True)
class Accepted(Handed, Message):
    """A message with the id that says when it was delivered before."""


def accept(received: Sequence[Received]) -> list[Accepted]:
    """Messages for the sink.

    All of them: one that is no event has an id too, and landing keeps it as a reject with the reason. Landing
    also replaces personal data, before the first write, as it does for every source.
    """
    return [Accepted(delivery_id(message), message.body) for message in received]


def delivery_id(message: Received) -> str:
    """The event's own id where it has one, else the publisher's, else the place in the stream.

    The event's id first: an event that comes from two streams, or from the stream and from the API, is one.
    What is no event has its place only: under any other id it would keep out the event that it was to be.
    """
    event = _event(message.body)
    named = None if event is None else _own_id(event) or message.message_id
    return named or f"{message.stream}:{message.sequence}"


def event_id(body: bytes) -> str | None:
    """The id of the event that a message is; nothing when it has none, or is no event."""
    event = _event(body)
    return None if event is None else _own_id(event)


def _event(body: bytes) -> dict[str, Any] | None:
    if len(body) > LARGE:
        require_room(body)
    try:
        record: Any = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return record if type(record) is dict else None


def _own_id(event: dict[str, Any]) -> str | None:
    found = event.get("id")
    return str(found) if type(found) in (str, int) else None
