"""A webhook's delivery as an event: which kind it counts as, what its envelope holds."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from headgate_github.webhooks import event_record, kind_of

AT = datetime(2026, 11, 21, 16, 30, 5, 900_000, tzinfo=UTC)
BODY = {
    "action": "opened",
    "number": 7,
    "sender": {"id": 1, "login": "ann", "type": "User"},
    "repository": {"id": 2, "name": "b", "full_name": "a/b"},
    "organization": {"id": 3, "login": "a"},
}


def record(body: dict[str, Any], event: str = "pull_request") -> dict[str, Any]:
    """The record of a body, parsed."""
    made: dict[str, Any] = json.loads(event_record(event, "d-1", AT, json.dumps(body).encode(), body))
    return made


def test_envelope_is_that_of_the_events_api() -> None:
    """Identity, kind, actor, repository, organisation and time stand where the Events API has them."""
    assert record(BODY) == {
        "id": "webhook:d-1",
        "type": "PullRequestEvent",
        "actor": {"id": 1, "login": "ann"},
        "repo": {"id": 2, "name": "a/b"},
        "org": {"id": 3, "login": "a"},
        "created_at": "2026-11-21T16:30:05Z",
        "payload": BODY,
    }


def test_payload_is_the_body_byte_for_byte() -> None:
    """Spaces, escapes and numbers stay as GitHub wrote them."""
    body = b'{ "a" : 1.50,\n "b":"\\u00e9\xc3\xa9" }'
    assert event_record("ping", "d", AT, body, {}).endswith(b',"payload":' + body + b"}")


@pytest.mark.parametrize("key", ["sender", "repository", "organization"])
def test_what_a_body_lacks_its_envelope_lacks(key: str) -> None:
    """Some kinds have no sender, repository or organisation; null counts as none."""
    part = {"sender": "actor", "repository": "repo", "organization": "org"}[key]
    assert part not in record({name: value for name, value in BODY.items() if name != key})
    assert part not in record({**BODY, key: None})


@pytest.mark.parametrize(
    ("event", "body", "kind"),
    [
        ("pull_request", {"action": "labeled"}, "PullRequestEvent"),
        ("issues", {"action": "closed"}, "IssuesEvent"),
        ("fork", {}, "ForkEvent"),
        ("star", {"action": "created"}, "WatchEvent"),
        ("issue_comment", {"action": "created"}, "IssueCommentEvent"),
        ("release", {"action": "published"}, "ReleaseEvent"),
        ("push", {"ref": "refs/heads/main", "created": False, "deleted": False}, "PushEvent"),
        ("workflow_run", {"action": "completed"}, "WorkflowRunEvent"),
        ("ping", {}, "PingEvent"),
    ],
)
def test_kinds_that_the_events_api_shows_have_its_names(event: str, body: dict[str, Any], kind: str) -> None:
    """So counts over all sources mean the same; kinds that it does not know are named after the event."""
    assert kind_of(event, body) == kind


@pytest.mark.parametrize(
    ("event", "body", "kind"),
    [
        ("watch", {"action": "started"}, "WatchStartedEvent"),
        ("star", {"action": "deleted"}, "StarEvent"),
        ("issue_comment", {"action": "edited"}, "IssueCommentEditedEvent"),
        ("release", {"action": "prereleased"}, "ReleasePrereleasedEvent"),
        ("push", {"ref": "refs/heads/new", "created": True, "deleted": False}, "RefPushEvent"),
        ("push", {"ref": "refs/heads/old", "created": False, "deleted": True}, "RefPushEvent"),
        ("push", {"ref": "refs/tags/v1", "created": False, "deleted": False}, "RefPushEvent"),
        ("push", {}, "RefPushEvent"),
    ],
)
def test_what_the_events_api_does_not_show_counts_as_nothing_else(
    event: str, body: dict[str, Any], kind: str
) -> None:
    """GitHub sends `watch` beside `star`, `push` beside `create`: neither may be counted twice."""
    assert kind_of(event, body) == kind
