"""Traps for whoever types: good JSON that breaks the contract of the source, or only seems to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson

from headgate_github.synth.objects import Json
from headgate_github.synth.threads import HOUR
from headgate_github.synth.trap_kit import Kit, TrapLine
from headgate_github.synth.truth import Facts

UNKNOWN_TYPE = "WormholeEvent"

#: kind, path, a value of the wrong type; for generations with the envelope of 2015.
_WRONG_ENVELOPE: tuple[tuple[str, str, Any], ...] = (
    ("WatchEvent", "actor", "somebody"),
    ("PushEvent", "actor.id", "1234"),
    ("PushEvent", "actor.login", 42),
    ("WatchEvent", "repo.id", {"value": 1}),
    ("WatchEvent", "repo.name", 99),
)
_WRONG_ANYWHERE: tuple[tuple[str, str, Any], ...] = (
    ("WatchEvent", "type", 7),
    ("WatchEvent", "created_at", 1_451_610_000),
    ("WatchEvent", "created_at", "yesterday at noon"),
    ("CreateEvent", "payload", "nothing"),
    ("IssuesEvent", "payload.action", 3),
    ("PullRequestEvent", "payload.number", "12"),
    ("PullRequestEvent", "payload.pull_request.id", {"value": 5}),
)
_WRONG_BEFORE_SLIM: tuple[tuple[str, str, Any], ...] = (
    ("PullRequestEvent", "payload.pull_request.merged", "yes"),
    ("PullRequestEvent", "payload.pull_request.created_at", 5),
    ("PushEvent", "payload.size", "three"),
)


def change(record: Json, path: str, value: Any) -> None:
    """Sets the value at a path of keys."""
    *parents, last = path.split(".")
    for key in parents:
        record = record[key]
    record[last] = value


def _broken(kit: Kit, kind: str, path: str, value: Any) -> TrapLine:
    found, _ = kit.record(kind)
    change(found, path, value)
    return TrapLine(orjson.dumps(found), "quarantined")


def wrong_type(kit: Kit) -> Iterator[TrapLine]:
    """Numbers as strings, objects as scalars, strings as objects: one line for each."""
    for kind, path, value in _WRONG_ANYWHERE:
        yield _broken(kit, kind, path, value)
    if kit.generation != "events_slim":
        for kind, path, value in _WRONG_BEFORE_SLIM:
            yield _broken(kit, kind, path, value)
    if kit.generation != "timeline":
        for kind, path, value in _WRONG_ENVELOPE:
            yield _broken(kit, kind, path, value)
        found, _ = kit.record("PushEvent")
        found["id"] = int(found["id"])
        yield TrapLine(orjson.dumps(found), "quarantined")


def missing_id(kit: Kit) -> Iterator[TrapLine]:
    """Records without id, and with a null one. The timeline never had ids: nothing is missing there."""
    if kit.generation == "timeline":
        return
    found, _ = kit.record("PushEvent")
    del found["id"]
    yield TrapLine(orjson.dumps(found), "quarantined")
    yield _broken(kit, "WatchEvent", "id", None)


def nested_null(kit: Kit) -> Iterator[TrapLine]:
    """Null where an object or a value has to be; and where it may be: the fork of a pull request is gone."""
    yield _broken(kit, "WatchEvent", "created_at", None)
    yield _broken(kit, "WatchEvent", "type", None)
    if kit.generation != "timeline":
        yield _broken(kit, "WatchEvent", "actor", None)
        yield _broken(kit, "PushEvent", "repo", None)
    if kit.generation == "events_early":
        # Accounts may be gone there, and pull requests say nothing of branches.
        return
    if kit.generation != "timeline":
        yield _broken(kit, "PushEvent", "actor.id", None)
    found, facts = kit.record("PullRequestEvent")
    found["payload"]["pull_request"]["head"]["repo"] = None
    yield TrapLine(orjson.dumps(found), "typed", facts)


def future_date(kit: Kit) -> Iterator[TrapLine]:
    """Later than the hour and its tolerance allow: by decades, and by seconds."""
    yield _broken(kit, "WatchEvent", "created_at", kit.moment(4_070_908_800))
    yield _broken(kit, "PushEvent", "created_at", kit.moment(kit.start + 2 * HOUR + 1))


def epoch_date(kit: Kit) -> Iterator[TrapLine]:
    """1970, and just earlier than the hour and its tolerance allow."""
    yield _broken(kit, "WatchEvent", "created_at", kit.moment(0))
    yield _broken(kit, "PushEvent", "created_at", kit.moment(kit.start - HOUR - 1))


def clock_skew(kit: Kit) -> Iterator[TrapLine]:
    """Outside the hour, inside the tolerance."""
    for at in (kit.start - HOUR // 2, kit.start + HOUR + HOUR // 2):
        found, facts = kit.record("PushEvent", at=at)
        yield TrapLine(orjson.dumps(found), "typed", facts)


def unknown_type(kit: Kit) -> Iterator[TrapLine]:
    """A kind of event that nobody has heard of: it stays in the envelope and is counted."""
    found, facts = kit.record("WatchEvent")
    found |= {"type": UNKNOWN_TYPE, "payload": {"depth": 3, "ends": ["here", "there"]}}
    yield TrapLine(orjson.dumps(found), "typed", Facts(UNKNOWN_TYPE, None, facts.is_bot, known=False))
