"""What happens in an hour: issues and pull requests change, and all else in its real proportions."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Iterator
from itertools import accumulate
from random import Random

from headgate_github.synth import threads
from headgate_github.synth.event import Event
from headgate_github.synth.randomness import stream
from headgate_github.synth.threads import HOUR, ORIGIN, Step, Thread
from headgate_github.synth.world import Actor, Generation, Repo, World

#: Shares of the kinds besides issues and pull requests, as counted in the archive.
_SHARES = {
    "events": {
        "PushEvent": 0.5831,
        "CreateEvent": 0.1194,
        "WatchEvent": 0.1019,
        "IssueCommentEvent": 0.0555,
        "ForkEvent": 0.0310,
        "DeleteEvent": 0.0152,
        "GollumEvent": 0.0077,
        "PullRequestReviewCommentEvent": 0.0067,
        "ReleaseEvent": 0.0047,
        "CommitCommentEvent": 0.0031,
        "MemberEvent": 0.0020,
        "PublicEvent": 0.0007,
    },
    "timeline": {
        "PushEvent": 0.4725,
        "WatchEvent": 0.1150,
        "CreateEvent": 0.1050,
        "IssueCommentEvent": 0.0900,
        "ForkEvent": 0.0450,
        "FollowEvent": 0.0270,
        "GistEvent": 0.0220,
        "GollumEvent": 0.0180,
        "CommitCommentEvent": 0.0105,
        "PullRequestReviewCommentEvent": 0.0067,
        "DeleteEvent": 0.0055,
        "MemberEvent": 0.0046,
        "PublicEvent": 0.0010,
        "DownloadEvent": 0.0008,
        "ReleaseEvent": 0.0008,
    },
}
_SHARES["events_slim"] = _SHARES["events"]
_SHARES["events_early"] = {
    kind: share for kind, share in _SHARES["timeline"].items() if kind != "ReleaseEvent"
}
_KINDS = {generation: tuple(shares) for generation, shares in _SHARES.items()}
_STEPS = {generation: tuple(accumulate(shares.values())) for generation, shares in _SHARES.items()}

_BY_ANYBODY = frozenset({"WatchEvent", "ForkEvent", "FollowEvent", "GistEvent", "CommitCommentEvent"})
_ABOUT_THREADS = {"IssueCommentEvent": 0.30, "PullRequestReviewCommentEvent": 1.0}
_BOT_SHARE = {"PushEvent": 0.02, "IssueCommentEvent": 0.06, "CreateEvent": 0.02}
#: Share of pushes whose local date lies just outside the hour of their file (generation timeline).
_BORDER_SHARE = 0.01


def happenings(world: World, generation: Generation, hour: int) -> Iterator[Event]:
    """The events of an hour in about the order of their time, `world.events_per_hour` of them.

    Exactly so many, unless an hour as small as a few events holds more changes of threads than that.
    """
    rng = stream(world.seed, "hour", hour, world.events_per_hour)
    changes = sorted(_changes(world, hour), key=lambda change: change[0])
    others = max(0, world.events_per_hour - len(changes))
    serial = 0
    taken: set[tuple[int, int]] = set()
    waiting = iter(changes)
    change = next(waiting, None)
    for index in range(others):
        at = ORIGIN + hour * HOUR + int((index + rng.random()) * HOUR / others)
        while change and change[0] <= at:
            yield _change(world, change, hour, serial, rng)
            serial, change = serial + 1, next(waiting, None)
        yield _other(world, generation, hour, serial, at, rng, taken)
        serial += 1
    while change:
        yield _change(world, change, hour, serial, rng)
        serial, change = serial + 1, next(waiting, None)


def _changes(world: World, hour: int) -> Iterator[tuple[int, Step, Thread]]:
    yield from threads.changed_in(world, "pull", hour)
    yield from threads.changed_in(world, "issue", hour)


def _change(world: World, change: tuple[int, Step, Thread], hour: int, serial: int, rng: Random) -> Event:
    at, step, thread = change
    repo = world.repo(thread.repo)
    outsider = not world.is_team(repo, thread.author)
    rank = repo.lead if step != "opened" and (outsider or rng.random() < 0.4) else thread.author
    kind = "PullRequestEvent" if thread.kind == "pull" else "IssuesEvent"
    return Event(kind, hour, serial, at, world.actor(rank), repo, rng, thread, step)


def _other(
    world: World,
    generation: Generation,
    hour: int,
    serial: int,
    at: int,
    rng: Random,
    taken: set[tuple[int, int]],
) -> Event:
    steps = _STEPS[generation]
    kind = _KINDS[generation][bisect(steps, rng.random() * steps[-1])]
    thread = None
    if kind in _ABOUT_THREADS:
        thread = threads.recent(
            world, "pull" if rng.random() < _ABOUT_THREADS[kind] else "issue", hour, rng.random()
        )
    repo = world.repo(thread.repo if thread else world.any_repo(rng))
    rank = _who(world, kind, repo, rng)
    if generation == "timeline":
        rank = _free_at(rank, at, taken)
        if kind == "PushEvent" and rng.random() < _BORDER_SHARE:
            at += HOUR if rng.random() < 0.5 else -HOUR
            at = min(max(at, ORIGIN + hour * HOUR - 1_200), ORIGIN + (hour + 1) * HOUR + 1_200)
    return Event(kind, hour, serial, at, world.actor(rank), repo, rng, thread)


def _who(world: World, kind: str, repo: Repo, rng: Random) -> int:
    if rng.random() < _BOT_SHARE.get(kind, 0.0):
        return int(rng.random() * 6)
    return world.any_actor(rng) if kind in _BY_ANYBODY else world.contributor(repo, rng)


def _free_at(rank: int, at: int, taken: set[tuple[int, int]]) -> int:
    """An actor who did nothing else in that second: without ids, two equal lines would be one event."""
    if taken and next(iter(taken))[0] != at:
        taken.clear()
    while (at, rank) in taken:
        rank += 1
    taken.add((at, rank))
    return rank


def lone_event(
    world: World,
    kind: str,
    hour: int,
    serial: int,
    rng: Random,
    *,
    at: int | None = None,
    thread: Thread | None = None,
) -> Event:
    """An event of a wanted kind at a random instant of the hour, or at `at`; about a thread, or not."""
    repo = world.repo(thread.repo if thread else world.any_repo(rng))
    actor: Actor = world.actor(thread.author if thread else world.contributor(repo, rng))
    at = at or ORIGIN + hour * HOUR + int(rng.random() * HOUR)
    step: Step | None = "opened" if thread and kind in ("PullRequestEvent", "IssuesEvent") else None
    return Event(kind, hour, serial, at, actor, repo, rng, thread, step)
