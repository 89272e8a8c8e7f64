"""GitHub's webhooks: what a delivery is as an event, so that the archive's contract and models hold for it.

Data flow: name of the event, delivery id, body -> the record of an Events API event, the body its payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from headgate.sources import AppendingSource
from headgate_github.archive import GHARCHIVE

#: What tells the record of a webhook from one of the Events API.
ID_PREFIX = "webhook:"
#: Events that the Events API shows under a kind of its own, and with which action; None: with any, or none.
API_EVENTS: Mapping[str, tuple[str, str | None]] = {
    "commit_comment": ("CommitCommentEvent", "created"),
    "create": ("CreateEvent", None),
    "delete": ("DeleteEvent", None),
    "discussion": ("DiscussionEvent", "created"),
    "fork": ("ForkEvent", None),
    "gollum": ("GollumEvent", None),
    "issue_comment": ("IssueCommentEvent", "created"),
    "issues": ("IssuesEvent", None),
    "member": ("MemberEvent", "added"),
    "public": ("PublicEvent", None),
    "pull_request": ("PullRequestEvent", None),
    "pull_request_review": ("PullRequestReviewEvent", "submitted"),
    "pull_request_review_comment": ("PullRequestReviewCommentEvent", "created"),
    "pull_request_review_thread": ("PullRequestReviewThreadEvent", None),
    "release": ("ReleaseEvent", "published"),
    "sponsorship": ("SponsorshipEvent", "created"),
    "star": ("WatchEvent", "created"),
    "team_add": ("TeamAddEvent", None),
}
_API_KINDS = {kind for kind, _ in API_EVENTS.values()}


def kind_of(event: str, body: Mapping[str, Any]) -> str:
    """The kind of a delivery: the Events API's where it would show this event, else the webhook's own name.

    An event that the Events API would not show must not count as one that it does: an edited comment is no
    comment, and GitHub sends `watch` beside `star`, `push` beside `create` and `delete`.
    """
    action = body.get("action")
    if event == "push":
        return "PushEvent" if _moves_a_branch(body) else "RefPushEvent"
    kind, shown = API_EVENTS.get(event, ("", None))
    if kind and shown in (None, action):
        return kind
    own = f"{_camel_case(event)}Event"
    if own in _API_KINDS and isinstance(action, str):
        return f"{_camel_case(event)}{_camel_case(action)}Event"
    return own


def event_record(
    event: str, delivery_id: str, received_at: datetime, body: bytes, parsed: Mapping[str, Any]
) -> bytes:
    """The record that is landed: the envelope of an Events API event around the body as it came.

    Args:
        event: X-GitHub-Event.
        delivery_id: X-GitHub-Delivery.
        received_at: in UTC; becomes the event's time, for a body has none that all kinds share.
        body: one JSON value.
        parsed: the body parsed; without what the envelope takes, the envelope goes without it.
    """
    envelope = {
        "id": ID_PREFIX + delivery_id,
        "type": kind_of(event, parsed),
        **_part("actor", parsed.get("sender"), "login", "login"),
        **_part("repo", parsed.get("repository"), "name", "full_name"),
        **_part("org", parsed.get("organization"), "login", "login"),
        "created_at": f"{received_at:%Y-%m-%dT%H:%M:%SZ}",
    }
    return b"".join((orjson.dumps(envelope)[:-1], b',"payload":', body, b"}"))


def _part(name: str, found: object, key: str, key_in_body: str) -> dict[str, Any]:
    """A part of the envelope, when the body has it."""
    if not isinstance(found, dict):
        return {}
    return {name: {"id": found.get("id"), key: found.get(key_in_body)}}


def _moves_a_branch(body: Mapping[str, Any]) -> bool:
    is_branch = str(body.get("ref")).startswith("refs/heads/")
    return is_branch and not body.get("created") and not body.get("deleted")


def _camel_case(name: str) -> str:
    return "".join(word[:1].upper() + word[1:] for word in name.split("_"))


@dataclass(frozen=True)
class _Webhooks(AppendingSource):
    path: str = "/github"
    sender: str = "GitHub"
    event_header: str = "X-GitHub-Event"
    delivery_header: str = "X-GitHub-Delivery"

    def record(
        self, event: str, delivery_id: str, received_at: datetime, body: bytes, parsed: Mapping[str, Any]
    ) -> bytes:
        """See `event_record`."""
        return event_record(event, delivery_id, received_at, body, parsed)


#: Held to the archive's contract and typed by its models.
GITHUB_WEBHOOKS = _Webhooks("github_webhooks", "deliveries", GHARCHIVE.contract)
