"""Pull requests and issues: which were opened when, by whom, and what became of them.

A thread is a pure function of the seed, the hour it was opened in and its number in that hour, so that any
hour can be generated alone: the threads that change in it are found by asking the few days before it.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Literal

from headgate_github.synth.randomness import mix, stream, unit
from headgate_github.synth.world import World

ThreadKind = Literal["pull", "issue"]
Step = Literal["opened", "merged", "closed", "reopened"]

#: No thread changes later than this many hours after it was opened.
HORIZON = 72
#: Slots of an hour that are never opened by themselves, kept for traps.
RESERVED = 192
ORIGIN = 1_293_840_000  # 2011-01-01
HOUR = 3600

#: Share of events that open a thread; share of threads that are ever closed; delays in seconds by quantile.
_OPENED = {"pull": 0.0190, "issue": 0.0207}
_EVER_CLOSED = {"pull": 0.88, "issue": 0.60}
_DELAYS = {
    "pull": ((0.0, 3), (0.25, 40), (0.5, 1_200), (0.8, 43_000), (1.0, 240_000)),
    "issue": ((0.0, 5), (0.25, 900), (0.6, 21_600), (0.85, 90_000), (1.0, 240_000)),
}
_REOPENED = 0.015
#: Share that people who work on the repository open: of what is not closed within the hour, and of what is.
_TEAMS_OWN = {"pull": (0.35, 0.97), "issue": (0.7, 0.7)}


def _delay(kind: str, draw: float) -> int:
    curve = _DELAYS[kind]
    for (low, shortest), (high, longest) in pairwise(curve):
        if draw <= high:
            share = (draw - low) / (high - low)
            return int(shortest * (longest / shortest) ** share)
    return curve[-1][1]


_DELAY_TABLE = {kind: [_delay(kind, step / 1024) for step in range(1024)] for kind in _DELAYS}


@dataclass(frozen=True, slots=True)
class Thread:
    """One pull request or issue."""

    kind: ThreadKind
    hour: int
    slot: int
    id: int
    number: int
    repo: int
    author: int
    opened_at: int
    steps: tuple[tuple[int, Step], ...]

    def before(self, at: int) -> tuple[tuple[int, Step], ...]:
        """What had happened to it by an instant, that instant included."""
        return tuple(step for step in self.steps if step[0] <= at)


def hours_since_origin(epoch: int) -> int:
    """The number of an hour, counted from 2011."""
    return (epoch - ORIGIN) // HOUR


def stride(world: World, kind: ThreadKind) -> int:
    """How many slots an hour has; the first ones are opened, the last RESERVED ones belong to traps."""
    return int(world.events_per_hour * _OPENED[kind]) + 1 + RESERVED


def opened_in(world: World, kind: ThreadKind, hour: int) -> int:
    """How many threads are opened in an hour."""
    expected = world.events_per_hour * _OPENED[kind]
    whole = int(expected)
    return whole + (unit(world.seed, 11, _code(kind), hour) < expected - whole)


def thread(world: World, kind: ThreadKind, hour: int, slot: int) -> Thread:
    """The thread of a slot of an hour, with its whole life."""
    rng = stream(world.seed, kind, hour, slot)
    rank = world.any_repo(rng)
    repo = world.repo(rank)
    times = _times(world, kind, hour)
    opened_at, closed_at = times.opened[slot], times.closed[slot]
    own = _TEAMS_OWN[kind][0 < closed_at - opened_at < HOUR]
    author = world.contributor(repo, rng) if rng.random() < own else world.any_actor(rng)
    if kind == "pull" and rng.random() < 0.05:
        author = int(rng.random() * 4)
    steps: list[tuple[int, Step]] = [(opened_at, "opened")]
    if slot in times.again:
        reopened_at, closed_again_at = times.again[slot]
        last: Step = "merged" if kind == "pull" else "closed"
        steps += [(closed_at, "closed"), (reopened_at, "reopened"), (closed_again_at, last)]
    elif closed_at:
        merged = kind == "pull" and rng.random() < _merge_chance(world, rank, author, closed_at - opened_at)
        steps.append((closed_at, "merged" if merged else "closed"))
    serial = hour * stride(world, kind) + slot
    number = 2 * serial + (1 if kind == "issue" else 2)
    return Thread(kind, hour, slot, 50_000_000 + serial, number, rank, author, opened_at, tuple(steps))


def changed_in(world: World, kind: ThreadKind, hour: int) -> Iterator[tuple[int, Step, Thread]]:
    """Every change of a thread within an hour: when, what, which."""
    start = ORIGIN + hour * HOUR
    end = start + HOUR
    for earlier in range(hour - HORIZON, hour + 1):
        for slot in _changed_slots(world, kind, earlier, start, end):
            found = thread(world, kind, earlier, slot)
            yield from ((at, step, found) for at, step in found.steps if start <= at < end)


def _changed_slots(world: World, kind: ThreadKind, hour: int, start: int, end: int) -> Sequence[int]:
    count = opened_in(world, kind, hour)
    if start == ORIGIN + hour * HOUR:
        return range(count)
    times = _times(world, kind, hour)
    slots = {slot for slot, at in enumerate(times.closed[:count]) if start <= at < end}
    slots |= {
        slot for slot, later in times.again.items() if slot < count and any(start <= at < end for at in later)
    }
    return sorted(slots)


def recent(world: World, kind: ThreadKind, hour: int, draw: float) -> Thread:
    """Some thread that was opened in the two days before an hour."""
    earlier = hour - 1 - int(draw * 48)
    count = max(1, opened_in(world, kind, earlier))
    return thread(world, kind, earlier, mix(world.seed, hour, int(draw * (1 << 40))) % count)


def reserved(world: World, kind: ThreadKind, hour: int, number: int) -> Thread:
    """A thread for traps: opened in the hour, and nothing else ever happens to it by itself."""
    if not 0 <= number < RESERVED:
        raise ValueError("an hour has no more slots for traps")
    return thread(world, kind, hour, stride(world, kind) - RESERVED + number)


def _code(kind: ThreadKind) -> int:
    return 1 if kind == "pull" else 2


@dataclass(frozen=True, slots=True)
class _Times:
    """When the threads of one hour change, by slot; compact, for many hours are looked at to make one."""

    opened: array[int]
    #: First closed; 0 is never.
    closed: array[int]
    #: Reopened and closed again: few.
    again: dict[int, tuple[int, int]]


@lru_cache(maxsize=2 * HORIZON + 8)
def _times(world: World, kind: ThreadKind, hour: int) -> _Times:
    rng = stream(world.seed, "times", kind, hour)
    start = ORIGIN + hour * HOUR
    times = _Times(array("q"), array("q"), {})
    for slot in range(stride(world, kind)):
        opened_at = start + int(rng.random() * HOUR)
        delay, ever, twice = rng.random(), rng.random() < _EVER_CLOSED[kind], rng.random()
        closed_at = opened_at + _DELAY_TABLE[kind][int(delay * 1024)] if ever else 0
        times.opened.append(opened_at)
        times.closed.append(closed_at)
        if ever and twice < _REOPENED:
            times.again[slot] = (
                closed_at + 300 + int(twice * 60_000),
                closed_at + 1_500 + int(twice * 300_000),
            )
    return times


def _merge_chance(world: World, repo_rank: int, author: int, delay: int) -> float:
    """The team's own are merged, a stranger's depend on the repository, what waits long is refused."""
    repo = world.repo(repo_rank)
    chance = 0.97 if world.is_team(repo, author) else 0.35 + 0.6 * repo.welcoming
    return chance - (0.25 if delay > 20_000 else 0.0)
