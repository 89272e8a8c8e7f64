"""The streaming pipeline's transformer and its configuration."""

from __future__ import annotations

import copy

import pytest
import yaml

from headgate.errors import UsageError
from headgate.streaming.config import StreamConfig, read_config
from headgate.streaming.messages import Received, accept
from tests.support import ROOT


@pytest.mark.parametrize(
    ("body", "message_id", "expected"),
    [
        (b'{"id": "17", "type": "WatchEvent"}', "m-1", "17"),
        (b'{"id": 17}', None, "17"),
        (b'{"type": "WatchEvent"}', "m-1", "m-1"),
        (b'{"id": null}', None, "events:5"),
        (b'{"id": ""}', None, "events:5"),
        (b"[1]", "m-1", "events:5"),
        (b'{"id": ', "m-1", "events:5"),
        (b"", None, "events:5"),
    ],
)
def test_delivery_id(body: bytes, message_id: str | None, expected: str) -> None:
    """The event's own id, else the publisher's; what is no event has only its place in the stream."""
    (accepted,) = accept([Received(body, "events", 5, message_id)])
    assert (accepted.delivery_id, accepted.body) == (expected, body)


def test_nothing_is_dropped_or_changed() -> None:
    """What is no event goes on too, to become a reject; the input stays as it was."""
    received = [Received(body, "events", number) for number, body in enumerate((b"{", b"{}", b"\xff"))]
    before = copy.copy(received)
    assert [message.body for message in accept(received)] == [b"{", b"{}", b"\xff"]
    assert received == before
    assert accept(received) == accept(received)


def test_mage_copies_nothing() -> None:
    """Mage copies deeply what it hands from block to block; messages never change and are spared it."""
    received = Received(b"{}", "events", 1)
    (accepted,) = accept([received])
    assert copy.deepcopy(received) is received
    assert copy.deepcopy(accepted) is accepted


def test_the_pipeline_declares_the_defaults() -> None:
    """What metadata.yaml says is what the code does without it, and every setting stands there."""
    file = ROOT / "mage_pipelines" / "pipelines" / "stream_github_events" / "metadata.yaml"
    variables = yaml.safe_load(file.read_text())["variables"]
    assert read_config(variables) == StreamConfig(stream="github_events", subject="github.events")
    assert set(variables) == set(vars(StreamConfig()))


@pytest.mark.parametrize(
    ("variables", "subject"),
    [
        ({"batch_size": 0}, "batch_size"),
        ({"batch_size": "many"}, "batch_size"),
        ({"linger_seconds": -1}, "linger_seconds"),
        ({"max_in_flight": 10}, "max_in_flight"),
    ],
)
def test_variables_that_cannot_be_used_are_named(variables: dict[str, object], subject: str) -> None:
    """The error says which one, what it holds, and where to correct it."""
    with pytest.raises(UsageError) as caught:
        read_config(variables)
    assert subject in caught.value.subject
    assert "metadata.yaml" in caught.value.next_step
