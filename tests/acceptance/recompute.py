"""Feature values recomputed from archive files in plain Python, sharing no code with the project.

The definitions are those of the documentation: events of `as_of - window <= created_at < as_of`, each
event id once, pull requests counted under their author for actors and contributors.
"""

from __future__ import annotations

import gzip
import json
import re
import statistics
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

HOUR = timedelta(hours=1)
WINDOWS = {
    "repository_activity": {"1h": 1, "24h": 24, "7d": 168},
    "actor_activity": {"1h": 1, "24h": 24, "7d": 168},
    "contributor_activity": {"24h": 24, "7d": 168, "30d": 720},
}


def instant(text: str) -> datetime:
    """A time as the archive writes it, `2012/04/11 15:01:33 -0700` too."""
    if "/" in text:
        return datetime.strptime(text, "%Y/%m/%d %H:%M:%S %z").astimezone(UTC)
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(UTC)


class Event:
    """What features need of one archive event. In the timeline, which has no ids, an event is its line."""

    def __init__(self, record: dict[str, Any], line: bytes) -> None:
        payload = record.get("payload") or {}
        pull = payload.get("pull_request") or {}
        actor, repository = record["actor"], record.get("repo") or record.get("repository") or {}
        self.id = record.get("id") or line
        self.kind = record["type"]
        self.at = instant(record["created_at"])
        self.actor: Any = actor.get("id") if isinstance(actor, dict) else None
        self.login = actor.get("login") if isinstance(actor, dict) else actor
        self.repository = repository.get("id")
        self.action = payload.get("action")
        self.pull_id: Any = pull.get("id")
        user = pull.get("user") or {}
        self.author: Any = user.get("id")
        self.author_login = user.get("login")
        self.pull_created = instant(pull["created_at"]) if pull.get("created_at") else None
        self.merged_at = instant(pull["merged_at"]) if pull.get("merged_at") else None
        self.outcome = None
        if self.kind == "PullRequestEvent":
            if self.action == "opened":
                self.outcome = "opened"
            elif self.action == "merged" or (self.action == "closed" and pull.get("merged")):
                self.outcome = "merged"
            elif self.action == "closed":
                self.outcome = "rejected"


def read_events(files: Iterable[Path]) -> list[Event]:
    """The events of the files, attributed to authors. Of one id the last line of the last file counts."""
    by_id: dict[str | bytes, Event] = {}
    for file in files:
        for line in gzip.decompress(file.read_bytes()).split(b"\n"):
            if line:
                event = Event(json.loads(re.sub(rb"(?<!\\)\\u0000", b"", line)), line)
                by_id[event.id] = event
    events = sorted(by_id.values(), key=lambda event: (event.at, str(event.id)))
    openings: dict[int, Event] = {}
    for event in events:
        if event.outcome == "opened" and event.pull_id is not None:
            openings.setdefault(event.pull_id, event)
    for event in events:
        opening = openings.get(event.pull_id) if event.outcome else None
        if event.author is None and opening is not None:
            event.author, event.author_login = opening.actor, opening.login
        if event.pull_created is None and opening is not None:
            event.pull_created = opening.at
    return events


class Recomputed:
    """Brute-force feature values over a list of events, up to the processed hour `end`."""

    def __init__(self, events: list[Event], bots: set[str], end: datetime) -> None:
        self.bots = bots
        # An event may lie after the hour that delivered it; rows stand up to the last one.
        last = max(event.at for event in events).replace(minute=0, second=0, microsecond=0) + HOUR
        self.end = max(end, last)
        self.of: dict[tuple[str, tuple[int, ...]], list[Event]] = defaultdict(list)
        for event in events:
            if event.repository is not None:
                self.of["repository_activity", (event.repository,)].append(event)
            for person in {event.actor, event.author if event.outcome else None} - {None}:
                self.of["actor_activity", (person,)].append(event)
                if event.repository is not None:
                    self.of["contributor_activity", (person, event.repository)].append(event)

    def instants(self, view: str, key: tuple[int, ...]) -> set[datetime]:
        """Every as_of at which the view must have a row for the key, up to that of the last event."""
        result = set()
        for event in self.of[view, key]:
            entered = event.at.replace(minute=0, second=0, microsecond=0) + HOUR
            for hours in (0, *WINDOWS[view].values()):
                result.add(entered + timedelta(hours=hours))
        return {as_of for as_of in result if as_of <= self.end}

    def is_bot(self, login: str | None) -> bool:
        """True for logins of bots."""
        return login is not None and (login.endswith("[bot]") or login in self.bots)

    def row(self, view: str, key: tuple[int, ...], as_of: datetime) -> dict[str, Any]:
        """The values of one key at one instant, every column but the key and as_of."""
        seen = [event for event in self.of[view, key] if event.at < as_of]
        row: dict[str, Any] = {}
        for window, hours in WINDOWS[view].items():
            inside = [event for event in seen if event.at >= as_of - timedelta(hours=hours)]
            row |= {f"{name}_{window}": value for name, value in self.counts(view, key, inside).items()}
        last = {"repository_activity": "7d", "actor_activity": "7d", "contributor_activity": "30d"}[view]
        merged, rejected = (
            row[f"pull_requests_merged_count_{last}"],
            row[f"pull_requests_rejected_count_{last}"],
        )
        row[f"merge_rate_{last}"] = merged / (merged + rejected) if merged + rejected else None
        own = [event.at for event in seen if view == "repository_activity" or event.actor == key[0]]
        row["first_seen_at"] = min(own, default=None)
        if view == "repository_activity":
            recent = [
                event for event in seen if event.at >= as_of - timedelta(days=7) and event.outcome == "merged"
            ]
            hours_to_merge = [
                ((event.merged_at or event.at) - event.pull_created).total_seconds() / 3600
                for event in recent
                if event.pull_created is not None
            ]
            row["hours_to_merge_median_7d"] = statistics.median(hours_to_merge) if hours_to_merge else None
            row["last_push_at"] = max((event.at for event in seen if event.kind == "PushEvent"), default=None)
        if view == "actor_activity":
            row["last_seen_at"] = max(own, default=None)
            row["is_bot"] = any(
                (event.actor == key[0] and self.is_bot(event.login))
                or (event.outcome is not None and event.author == key[0] and self.is_bot(event.author_login))
                for event in seen
            )
        return row

    def counts(self, view: str, key: tuple[int, ...], inside: list[Event]) -> dict[str, int]:
        """Everything that is counted over the events of one window."""
        by_repository = view == "repository_activity"
        own = [event for event in inside if by_repository or event.actor == key[0]]
        decided = [event for event in inside if by_repository or event.author == key[0]]
        result = {
            "events_count": len(own),
            "pull_requests_opened_count": sum(event.outcome == "opened" for event in decided),
            "pull_requests_merged_count": sum(event.outcome == "merged" for event in decided),
            "pull_requests_rejected_count": sum(event.outcome == "rejected" for event in decided),
        }
        if view == "contributor_activity":
            return result
        result["pushes_count"] = sum(event.kind == "PushEvent" for event in own)
        result["issue_comments_count"] = sum(event.kind == "IssueCommentEvent" for event in own)
        if view == "actor_activity":
            result["repositories_count"] = len({event.repository for event in own} - {None})
            return result
        result["stars_count"] = sum(event.kind == "WatchEvent" for event in own)
        result["forks_count"] = sum(event.kind == "ForkEvent" for event in own)
        for action in ("opened", "closed"):
            result[f"issues_{action}_count"] = sum(
                event.kind == "IssuesEvent" and event.action == action for event in own
            )
        result["contributors_count"] = len({event.actor for event in own} - {None})
        result["bot_events_count"] = sum(self.is_bot(event.login) for event in own)
        return result
