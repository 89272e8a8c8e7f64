"""What traps are made with: ordinary records of the generation, to be spoilt in one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from random import Random
from typing import Any

import orjson

from headgate_github.synth import mixture, shape_early, shape_events, shape_slim, shape_timeline, threads
from headgate_github.synth.event import Event
from headgate_github.synth.objects import Json, iso
from headgate_github.synth.randomness import stream
from headgate_github.synth.threads import HOUR, ORIGIN, ThreadKind
from headgate_github.synth.truth import UNTOLD, Facts, Outcome
from headgate_github.synth.world import Generation, World

RENDER: dict[Generation, Callable[[World, Event], Json]] = {
    "events_early": shape_early.render,
    "timeline": shape_timeline.render,
    "events": shape_events.render,
    "events_slim": shape_slim.render,
}
#: Ids and threads that every trap has of its own in an hour, so that it does not matter which others are set.
SERIALS, THREADS = 100, 6
_OWN_THREAD: dict[str, ThreadKind] = {"PullRequestEvent": "pull", "IssuesEvent": "issue"}

#: Stands in a record where bytes go that no serialiser would write.
PLACEHOLDER = "@headgate@"


@dataclass(slots=True)
class TrapLine:
    """One line of a trap and what has to become of it."""

    content: bytes
    outcome: Outcome
    facts: Facts | None = None
    repaired: bool = False
    #: What a second record on the same line counts for: each record is a line of its own.
    second: Facts | None = None
    #: This line was also delivered an hour before, or will be an hour later.
    from_previous_hour: bool = False
    in_next_hour: bool = False


class Kit:
    """Makes records for one trap in one hour."""

    def __init__(self, world: World, generation: Generation, hour: int, trap: str, number: int) -> None:
        self.world = world
        self.generation: Generation = generation
        self.hour = hour
        self.number = number
        self.rng: Random = stream(world.seed, "trap", trap, hour)
        self._serial = world.events_per_hour + SERIALS * (number + 1)
        self._thread = THREADS * number

    @property
    def start(self) -> int:
        """The first second of the hour."""
        return ORIGIN + self.hour * HOUR

    def record(self, kind: str, *, at: int | None = None) -> tuple[Json, Facts]:
        """A correct record of a kind, as plain JSON, with what it counts for."""
        thread = None
        if kind in _OWN_THREAD:
            thread = threads.reserved(self.world, _OWN_THREAD[kind], self.hour, self._thread)
            self._thread += 1
            at = thread.opened_at
        elif kind in ("IssueCommentEvent", "PullRequestReviewCommentEvent"):
            thread = threads.recent(self.world, "pull", self.hour, self.rng.random())
        event = mixture.lone_event(self.world, kind, self.hour, self._serial, self.rng, at=at, thread=thread)
        self._serial += 1
        found: Json = orjson.loads(orjson.dumps(RENDER[self.generation](self.world, event)))
        return found, facts_of(event, found)

    def with_text(self, text: str) -> tuple[Json, Facts]:
        """A record with a given text inside, in the company of personal data where the generation has any."""
        if self.generation == "events_slim":
            found, facts = self.record("IssueCommentEvent")
            found["payload"]["comment"]["body"] = text
            return found, facts
        found, facts = self.record("PushEvent")
        while not facts.commits:
            found, facts = self.record("PushEvent")
        if self.generation == "events":
            found["payload"]["commits"][0]["message"] = text
        else:
            found["payload"]["shas"][0][2] = text
        return found, facts

    def without_personal_data(self) -> tuple[Json, Facts]:
        """A record that privacy has no need to touch."""
        found, facts = self.record("CreateEvent")
        found.pop("actor_attributes", None)
        found["payload"]["description"] = PLACEHOLDER
        return found, facts

    def moment(self, epoch: int) -> str:
        """An instant as the generation writes it."""
        return shape_timeline.local(epoch) if self.generation == "timeline" else iso(epoch)


def facts_of(event: Event, record: Json) -> Facts:
    """What a correct record counts for."""
    commits = 0
    if event.kind == "PushEvent":
        payload: dict[str, Any] = record["payload"]
        commits = len(payload.get("commits", payload.get("shas", ())))
    step: str | None = event.step
    if (
        event.kind == "PullRequestEvent"
        and step != "opened"
        and "issue_id" in record["payload"]["pull_request"]
    ):
        step = UNTOLD if event.action == "closed" else step
    return _facts(event.kind, step, event.actor.login.endswith("[bot]"), commits)


@lru_cache(maxsize=1_024)
def _facts(kind: str, step: str | None, is_bot: bool, commits: int) -> Facts:
    return Facts(kind, step, is_bot, commits)


def put(line: bytes, raw: bytes) -> bytes:
    """The line with bytes of any sort in place of the placeholder inside a string."""
    return line.replace(PLACEHOLDER.encode(), raw)


def put_value(line: bytes, raw: bytes) -> bytes:
    """The line with bytes of any sort in place of the placeholder and its quotes."""
    return line.replace(b'"' + PLACEHOLDER.encode() + b'"', raw)
