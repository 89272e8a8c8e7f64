"""What is known of generated hours because it was generated, never because it was read back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

Outcome = Literal["typed", "rejected", "quarantined", "duplicate"]
#: What became of a pull request whose payload does not say how it was closed.
UNTOLD = "untold"
#: From one file to the next; a file may hold two hours.
_NEXT = timedelta(hours=2)


class Facts(NamedTuple):
    """What one record counts for once it is typed."""

    kind: str
    step: str | None = None
    is_bot: bool = False
    commits: int = 0
    known: bool = True


@dataclass
class Counts:
    """Typed records by what they say."""

    types: Counter[str] = field(default_factory=Counter)
    unknown_types: Counter[str] = field(default_factory=Counter)
    pull_requests_opened: int = 0
    pull_requests_merged: int = 0
    pull_requests_rejected: int = 0
    pull_requests_reopened: int = 0
    #: Closed, but nothing says whether by a merge.
    pull_requests_untold: int = 0
    issues_opened: int = 0
    issues_closed: int = 0
    issues_reopened: int = 0
    commits: int = 0
    bot_events: int = 0

    def add(self, facts: Facts, times: int = 1) -> None:
        """Counts a record; `times` -1 takes it back."""
        self.types[facts.kind] += times
        self.commits += facts.commits * times
        self.bot_events += facts.is_bot * times
        if not facts.known:
            self.unknown_types[facts.kind] += times
        if facts.step is None:
            return
        subject = "pull_requests" if facts.kind == "PullRequestEvent" else "issues"
        outcome = "rejected" if subject == "pull_requests" and facts.step == "closed" else facts.step
        name = f"{subject}_{outcome}"
        setattr(self, name, getattr(self, name) + times)

    def merge(self, other: Counts, times: int = 1) -> None:
        """Adds other counts; `times` -1 takes them away."""
        for name, value in vars(other).items():
            if isinstance(value, Counter):
                mine: Counter[str] = getattr(self, name)
                for key, number in value.items():
                    mine[key] += number * times
            else:
                setattr(self, name, getattr(self, name) + value * times)


class Mark(NamedTuple):
    """A line that is out of the ordinary. Two records that share a line are numbered as two lines."""

    line_number: int
    trap: str
    outcome: Outcome
    repaired: bool


@dataclass
class HourTruth:
    """One delivered file. `typed` and `counts` hold if no neighbouring hour is landed; see `again_*`."""

    hour: str
    file: str
    generation: str
    seed: int
    events_per_hour: int
    emails: str
    #: What was done to the whole file: it cannot be landed at all, except with `redeliver`.
    file_trap: str | None = None
    lines: int = 0
    landed: int = 0
    rejected: int = 0
    repaired: int = 0
    quarantined: int = 0
    duplicates_in_hour: int = 0
    typed: int = 0
    rejected_by_trap: Counter[str] = field(default_factory=Counter)
    quarantined_by_trap: Counter[str] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)
    #: Records of the hour before that are delivered again here; the later delivery wins.
    again_from_previous_hour: int = 0
    #: Records of this hour that the next one delivers again: once that has landed they are duplicates here.
    again_in_next_hour: int = 0
    again_in_next_hour_counts: Counts = field(default_factory=Counts)
    marks: list[Mark] = field(default_factory=list)

    #: Which hour of the file is being counted: mostly the only one, where clocks went back one of two.
    in_first_hour: bool = field(default=True, repr=False)
    in_last_hour: bool = field(default=True, repr=False)

    def repeats(self, previous: HourTruth) -> bool:
        """Whether records of the file before are delivered here again, in the same shape."""
        follows = datetime.fromisoformat(self.hour) - datetime.fromisoformat(previous.hour) <= _NEXT
        return follows and self.generation == previous.generation

    def count_ordinary(self, tally: Counter[Facts]) -> None:
        """Lines without a trap, each counted in `lines` already: they land and are typed."""
        self.landed += tally.total()
        self.typed += tally.total()
        for facts, times in tally.items():
            self.counts.add(facts, times)

    def count_trap(self, trap: str, outcome: Outcome, facts: Facts | None, *, repaired: bool = False) -> None:
        """A line of a trap."""
        self.lines += 1
        self.marks.append(Mark(self.lines, trap, outcome, repaired))
        self.repaired += repaired
        if outcome == "rejected":
            self.rejected += 1
            self.rejected_by_trap[trap] += 1
            return
        self.landed += 1
        if outcome == "quarantined":
            self.quarantined += 1
            self.quarantined_by_trap[trap] += 1
        elif outcome == "duplicate":
            self.duplicates_in_hour += 1
        else:
            self.typed += 1
            if facts:
                self.counts.add(facts)

    def as_dict(self) -> dict[str, Any]:
        """The truth as JSON."""
        plain = {**_plain(self), "marks": [mark._asdict() for mark in self.marks]}
        return {name: value for name, value in plain.items() if not name.startswith("in_")}


@dataclass
class Truth:
    """Several hours, as they stand when all of them have landed."""

    hours: int = 0
    lines: int = 0
    landed: int = 0
    rejected: int = 0
    repaired: int = 0
    quarantined: int = 0
    duplicates_in_hour: int = 0
    duplicates_across_hours: int = 0
    typed: int = 0
    rejected_by_trap: Counter[str] = field(default_factory=Counter)
    quarantined_by_trap: Counter[str] = field(default_factory=Counter)
    counts: Counts = field(default_factory=Counts)
    #: Files that cannot be landed, by what is wrong with them; nothing of them is counted above.
    unreadable_files: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """The truth as JSON."""
        return _plain(self)


def _plain(truth: HourTruth | Truth) -> dict[str, Any]:
    # dataclasses.asdict cannot copy a Counter.
    plain = dict(vars(truth))
    for name, value in plain.items():
        if isinstance(value, Counter):
            plain[name] = dict(value)
        elif isinstance(value, Counts):
            plain[name] = {key: dict(x) if isinstance(x, Counter) else x for key, x in vars(value).items()}
    return plain


def total(hours: Iterable[HourTruth]) -> Truth:
    """Adds up consecutive hours; the later delivery of a record that came in two of them wins."""
    truth = Truth()
    previous: HourTruth | None = None
    for hour in hours:
        truth.files.append(hour.file)
        truth.hours += 1
        if hour.file_trap not in (None, "redeliver"):
            truth.unreadable_files[hour.file] = str(hour.file_trap)
            previous = None
            continue
        _add(truth, hour)
        if previous is not None and hour.repeats(previous):
            truth.duplicates_across_hours += previous.again_in_next_hour
            truth.typed -= previous.again_in_next_hour
            truth.counts.merge(previous.again_in_next_hour_counts, -1)
        previous = hour
    return truth


def _add(truth: Truth, hour: HourTruth) -> None:
    for name in ("lines", "landed", "rejected", "repaired", "quarantined", "duplicates_in_hour", "typed"):
        setattr(truth, name, getattr(truth, name) + getattr(hour, name))
    truth.rejected_by_trap.update(hour.rejected_by_trap)
    truth.quarantined_by_trap.update(hour.quarantined_by_trap)
    truth.counts.merge(hour.counts)
