"""How far a backfill is, and how long the rest takes at the pace that it has shown."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.backfill.plan import Chunk


class Pace:
    """Counts hours by step. Times are seconds of any one clock; a step's pace is that of this run alone."""

    def __init__(self, todo: Iterable[Chunk], done: Iterable[Chunk]) -> None:
        #: step -> hours in all, and hours done, those of earlier runs included.
        self.hours: dict[str, int] = {}
        self.done: dict[str, int] = {}
        for chunk in done:
            self._add(self.hours, chunk)
            self._add(self.done, chunk)
        for chunk in todo:
            self._add(self.hours, chunk)
            self.done.setdefault(chunk.step, 0)
        self._worked: dict[str, float] = {}
        self._seen: dict[str, int] = {}
        self._since: dict[str, float] = {}

    def begin(self, step: str, now: float) -> None:
        """Work at a step begins, or goes on after another's."""
        self._since[step] = now

    def advance(self, step: str, hours: int, now: float) -> None:
        """So many more hours of a step are done."""
        if hours:
            self.done[step] += hours
            self._seen[step] = self._seen.get(step, 0) + hours
            self._worked[step] = self._worked.get(step, 0.0) + now - self._since[step]
            self._since[step] = now

    def withdraw(self, step: str, hours: int) -> None:
        """So many hours that counted as done are not: their chunk failed."""
        self.done[step] -= hours

    def seconds_left(self, now: float) -> float | None:
        """How long the rest takes; None as long as a step that is left has shown no pace."""
        left = 0.0
        for step, hours in self.hours.items():
            rest = hours - self.done[step]
            if not rest:
                continue
            if step not in self._seen:
                return None
            left += rest * self._worked[step] / self._seen[step]
        return left

    @staticmethod
    def _add(counts: dict[str, int], chunk: Chunk) -> None:
        counts[chunk.step] = counts.get(chunk.step, 0) + len(chunk.range.hours)


def in_words(seconds: float | None) -> str:
    """Time left, as people say it: `about 4 min left`."""
    if seconds is None:
        return "time left not known yet"
    if seconds == 0:
        return "nothing left"
    if seconds < 90:
        return f"about {max(round(seconds), 1)} s left"
    minutes = round(seconds / 60)
    return f"about {minutes} min left" if minutes < 90 else f"about {minutes / 60:.1f} h left"
