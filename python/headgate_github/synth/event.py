"""One thing that happened, before a generation of the archive gives it its shape."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from headgate_github.synth.threads import Step, Thread
from headgate_github.synth.world import Actor, Generation, Repo, World


@dataclass(slots=True)
class Event:
    """Who did what where and when; `rng` decides what is left open."""

    kind: str
    hour: int
    serial: int
    at: int
    actor: Actor
    repo: Repo
    rng: Random
    thread: Thread | None = None
    step: Step | None = None

    @property
    def about(self) -> Thread:
        """The issue or pull request of an event that has one."""
        if self.thread is None:
            raise ValueError(f"a {self.kind} without issue or pull request")
        return self.thread

    @property
    def number(self) -> int:
        """A number that no other event has."""
        return self.hour * 1_000_000 + self.serial

    @property
    def action(self) -> str:
        """The payload's `action` before slim events: a merge is `closed`."""
        return "closed" if self.step == "merged" else str(self.step)


def event_id(world: World, generation: Generation, hour: int, serial: int) -> str:
    """The id of an hour's n-th event. Slim ids are smaller than those before them, as in the archive."""
    if generation == "events_slim":
        hour -= 125_000
    return str(hour * world.id_stride + serial)
