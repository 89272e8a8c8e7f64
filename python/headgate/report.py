"""The report that a verb leaves: what was asked, how it is done, what changed, what proves and undoes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from headgate import private
from headgate.settings import Settings

HEADINGS = ("Plan", "Design", "Changes", "Verification", "Rollback")


@dataclass(frozen=True, kw_only=True)
class Report:
    """Five sections under fixed headings, each a sequence of lines; an empty one says "Nothing."."""

    #: The verb of the command line that it reports on: plan, publish, rollback, apply.
    verb: str
    title: str
    #: What is going to be done, or was asked.
    plan: Sequence[str]
    #: How it is done, and what it takes: locks, rows, bytes, time.
    design: Sequence[str]
    #: What differs afterwards.
    changes: Sequence[str]
    #: What proves, or will prove, that it is right.
    verification: Sequence[str]
    #: How it is undone.
    rollback: Sequence[str]

    def text(self) -> str:
        """The report for a terminal; ends without a line break."""
        blocks = [self.title]
        for heading, lines in self._sections():
            blocks.append("\n".join([heading, *(f"  {line}".rstrip() for line in lines)]))
        return "\n\n".join(blocks)

    def markdown(self) -> str:
        """The report as a file."""
        blocks = [f"# {self.title}"]
        for heading, lines in self._sections():
            blocks.append("\n".join([f"## {heading}", "", "```text", *lines, "```"]))
        return "\n\n".join(blocks) + "\n"

    def write(self, settings: Settings) -> Path:
        """Writes `<home>/reports/<UTC timestamp>-<verb>.md`, a new file each time; the path written to."""
        folder = private.folder(settings.home / "reports")
        while True:
            path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}-{self.verb}.md"
            try:
                path.touch(mode=0o600, exist_ok=False)
                path.write_text(self.markdown(), encoding="utf-8")
                return path
            except FileExistsError:
                continue

    def _sections(self) -> Iterable[tuple[str, Sequence[str]]]:
        bodies = (self.plan, self.design, self.changes, self.verification, self.rollback)
        return ((heading, body or ["Nothing."]) for heading, body in zip(HEADINGS, bodies, strict=True))


def by_instant(instants: Mapping[str, datetime | None]) -> str:
    """Instants of several things in UTC, those that share one told together; one alone needs no names."""
    named: dict[datetime | None, list[str]] = {}
    for name, instant in instants.items():
        named.setdefault(instant, []).append(name)
    told = {instant: f"{instant:%Y-%m-%d %H:%M} UTC" if instant else "-" for instant in named}
    if len(named) <= 1:
        return "".join(told.values()) or "-"
    return "; ".join(f"{told[instant]}: {', '.join(names)}" for instant, names in named.items())


def number_of(count: int, noun: str) -> str:
    """A number with its noun: `1 row`, `2,000 rows`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def began(instant: datetime) -> datetime:
    """When a partition begins, for people: appended ones begin microseconds before their oldest record."""
    return instant + timedelta(milliseconds=1)


def table(headings: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Rows as aligned lines under headings: numbers to the right with thousands set apart, None as `-`."""
    found = [list(row) for row in rows]
    cells = [list(headings), *([_cell(value) for value in row] for row in found)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(headings))]
    numeric = [
        any(isinstance(row[place], int | float) for row in found)
        and all(row[place] is None or isinstance(row[place], int | float) for row in found)
        for place in range(len(headings))
    ]
    return [
        "  ".join(
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(line, widths, numeric, strict=True)
        ).rstrip()
        for line in cells
    ]


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.1f}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return str(value)
