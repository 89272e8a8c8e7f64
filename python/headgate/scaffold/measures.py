"""What a feature view measures, as people write it: `total=sum,mean:amount where status = 'paid'`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headgate.errors import UsageError

#: Operation -> how a column of it is described, from what is measured.
DESCRIBED = {
    "count": "Number of {of}",
    "sum": "Sum of {of}; 0 when there is none",
    "mean": "Mean of {of}; null when there is none",
    "min": "Least {of}; null when there is none",
    "max": "Greatest {of}; null when there is none",
    "stddev": "Sample standard deviation of {of}; null of fewer than two",
    "count_distinct": "Number of different values of {of}",
    "median": "Median of {of}; null when there is none",
    "first": "First {of} that is given; null when there is none",
    "last": "Last {of} that is given; null when there is none",
    "seconds_since_last": "Seconds from the last of {of} to as_of; null when there is none",
    "any": "Whether {of} holds for any; null when there is none",
    "all": "Whether {of} holds for all; null when there is none",
    "share": "Share for which {of} holds; null when there is none",
}
#: Operation -> PostgreSQL type of its columns; of those that are missing here it is that of what is measured.
TYPES = {
    "count": "bigint",
    "count_distinct": "bigint",
    "sum": "numeric",
    "any": "boolean",
    "all": "boolean",
    **dict.fromkeys(("mean", "stddev", "median", "share", "seconds_since_last"), "double precision"),
}
#: Operations that never give null.
ALWAYS_GIVEN = frozenset({"count", "count_distinct", "sum"})
#: Operations that do without something that is measured: events as such.
_OF_EVENTS = frozenset({"count", "seconds_since_last"})
#: Of which type that must be which they measure.
_NUMERIC = frozenset({"smallint", "integer", "bigint", "numeric", "real", "double precision"})
_NEEDS = {
    **dict.fromkeys(("sum", "mean", "stddev", "median"), _NUMERIC),
    **dict.fromkeys(("any", "all", "share"), frozenset({"boolean"})),
}
#: Operation -> what PostgreSQL must know of values: not each type has an order, or equality.
ASKED = {
    **dict.fromkeys(("min", "max"), "min(%s)"),
    **dict.fromkeys(("first", "last"), "(array_agg(%s order by %s))[1]"),
    "count_distinct": "count(distinct %s)",
}
_QUANTILE = re.compile(r"p[1-9][0-9]?")
_MEASURE = re.compile(
    r"(?:(?P<events>[a-z][a-z0-9_]*)\.)?(?P<name>[a-z][a-z0-9_]*)\s*=\s*(?P<operations>[a-z0-9_]+(?:\s*,\s*[a-z0-9_]+)*)"
    r"(?:\s*:\s*(?P<of>.+?))?(?:\s+where\s+(?P<where>.+))?",
    re.DOTALL,
)
#: What is another thing at each call, or in each transaction; and texts, which only speak of it.
_FLEETING = re.compile(
    r"\b(?:(?:now|random|random_normal|clock_timestamp|statement_timestamp|transaction_timestamp|timeofday"
    r"|gen_random_uuid|uuidv[47]|nextval|txid_current|pg_current_xact_id|current_setting|pg_backend_pid"
    r"|pg_postmaster_start_time|inet_(?:client|server)_(?:addr|port))\s*\(|current_date\b|current_time\b|current_timestamp\b"
    r"|localtime\b|localtimestamp\b"
    # Who asks, never a column: one of these names is written in quotes, or behind a dot.
    r"|(?<![\".])(?:(?:current|session|system)_user|user|current_(?:role|schema|catalog))\b(?!\"))",
    re.IGNORECASE,
)
_AGE = re.compile(r"\bage\s*\(", re.IGNORECASE)
_TEXT = re.compile(r"'(?:[^']|'')*'")
_DAY = r"'\s*(?:now|today|tomorrow|yesterday)\s*'"
#: Texts that are taken for instants, counted from when they are read.
_READ_NOW = re.compile(
    rf"\b(?:date|time|timestamp|timestamptz|time\s+zone)\s*\(?\s*{_DAY}|{_DAY}\s*(?:::|as\b)\s*(?:date|time)",
    re.IGNORECASE,
)
_WINDOW = re.compile(r"([1-9]\d{0,4})([mhd])")
_SECONDS = {"m": 60, "h": 3600, "d": 86400}
#: As PostgreSQL cuts off names, in bytes.
LONGEST_NAME = 63
#: Of a measure: what a view is computed from has longer names than its columns.
LONGEST_MEASURE = 40
#: Names that a view's SQL, or the tables of its releases, have for themselves.
RESERVED = frozenset(
    {"as_of", "event_at", "range_start", "range_end", "drawn_id", "is_held"}
    | {"valid_from_release", "valid_to_release"}
)
#: And those that what entities are told apart by, too, would meet on the way.
RESERVED_FOR_KEYS = RESERVED | frozenset(
    {"source", "partition_start", "first_as_of", "last_as_of", "first_entry", "last_entry"}
    | {"stretch", "entries", "read_from", "processed_from", "processed_to"}
    | {"member", "previous", "following", "step", "step_of"}
    | {"stands_at", "instant", "any_events", "feature", "expected", "found", "finding"}
)
LONGEST_WINDOW = 365 * _SECONDS["d"]
RESOLUTIONS = ("1m", "5m", "1h", "1d")


@dataclass(frozen=True)
class Measure:
    """Operations over the SQL `of` (none: over events), of events for which `where` holds.

    `events` names them in the view; none: the first.
    """

    name: str
    operations: tuple[str, ...]
    of: str | None
    where: str | None
    events: str | None = None

    @property
    def sql(self) -> str:
        """What is measured of an event, as the view's macro writes it; null where `where` does not hold."""
        of = self.of or "true"
        return f"case when {self.where} then {of} end" if self.where else of

    @property
    def is_of_all_events(self) -> bool:
        """Whether each event counts."""
        return not self.of and not self.where

    def declared(self) -> dict[str, object]:
        """As the model declares it."""
        found: dict[str, object] = {"operations": list(self.operations)}
        parts = (("events", self.events), ("of", self.of), ("where", self.where))
        return {**found, **{key: text for key, text in parts if text}}

    def description(self, operation: str) -> str:
        """What a column of it holds, without its window."""
        of = self.of or "events"
        form = DESCRIBED.get(operation, f"{operation[1:]}th percentile of {{of}}; null when there is none")
        return form.format(of=f"`{of}`" if self.of else of) + (
            f", where `{self.where}`" if self.where else ""
        )

    def type(self, operation: str, of_type: str) -> str:
        """PostgreSQL type of a column of it, where what is measured has the type `of_type`."""
        return TYPES.get(operation) or ("double precision" if _QUANTILE.fullmatch(operation) else of_type)


def parse_measure(text: str) -> Measure:
    """A measure as it is given on the command line.

    Raises:
        UsageError: it does not have the form
            [EVENTS.]NAME=OPERATION[,OPERATION...][:EXPRESSION][ where CONDITION].
    """
    found = _MEASURE.fullmatch(text.strip())
    if found is None:
        raise _wrong(
            text, "[EVENTS.]NAME=OPERATION[,OPERATION...][:EXPRESSION][ where CONDITION]", repr(text)
        )
    operations = tuple(part.strip() for part in found["operations"].split(","))
    unknown = [name for name in operations if name not in DESCRIBED and not _QUANTILE.fullmatch(name)]
    if unknown or len(set(operations)) < len(operations):
        known = f"operations among {', '.join(DESCRIBED)} and p1 to p99, each once"
        raise _wrong(text, known, ", ".join(unknown or operations))
    of = found["of"]
    if of is None and not set(operations) <= _OF_EVENTS:
        raise _wrong(
            text,
            f"what is measured, behind a colon: only {' and '.join(sorted(_OF_EVENTS))} do without",
            text,
        )
    return Measure(found["name"], operations, of, found["where"], found["events"])


def parse_expression(
    text: str,
    option: str = "--expression",
    example: str = "per_order_7d=total_sum_7d / nullif(orders_count_7d, 0)",
) -> tuple[str, str]:
    """Name and SQL of a column, of `NAME=SQL`.

    Raises:
        UsageError: it does not have that form; the next step shows the example.
    """
    found = re.fullmatch(r"\s*([a-z][a-z0-9_]{0,62})\s*=\s*(.+?)\s*", text, re.DOTALL)
    if found is None:
        raise UsageError(
            f"{option} {text.partition('=')[0]}",
            expected="NAME=SQL",
            found=repr(text),
            next_step=f"correct it, for instance '{example}'",
        )
    return found[1], found[2]


def require_measurable(measure: Measure, of_type: str) -> None:
    """Refuses an operation that cannot be applied to values of a type.

    Raises:
        UsageError: for instance the sum of a text.
    """
    for operation in measure.operations:
        needed = _NUMERIC if _QUANTILE.fullmatch(operation) else _NEEDS.get(operation)
        if needed and of_type not in needed:
            raise UsageError(
                f"measure {measure.name}",
                expected=f"{'a number' if needed is _NUMERIC else 'a boolean'} for {operation}",
                found=f"{measure.of}: {of_type}",
                next_step=f"measure another expression, such as ({measure.of})::numeric"
                if needed is _NUMERIC
                else f"measure a condition, such as {measure.of} is not null",
            )


def require_lasting(what: str, sql: str | None) -> None:
    """Refuses SQL that says something else of the same event each time it is asked.

    Values would depend on when a row was computed, and no recount could tell.

    Raises:
        UsageError: names the function.
    """
    if not sql:
        return
    bare = _TEXT.sub("''", sql)
    named = _FLEETING.search(bare) or _READ_NOW.search(sql)
    found = named[0].rstrip("( \t\n") if named else _age_from_today(bare)
    if found:
        raise UsageError(
            what,
            expected="SQL that says the same of an event whenever it is asked",
            found=found,
            next_step="measure the event's own columns; --windows choose by its time",
        )


def _age_from_today(sql: str) -> str | None:
    """A call of `age` with one argument, whatever brackets stand in it: from that instant to today."""
    for found in _AGE.finditer(sql):
        depth = 1
        for end, sign in enumerate(sql[found.end() :], found.end() + 1):
            depth += {"(": 1, ")": -1}.get(sign, 0)
            if not depth:
                return sql[found.start() : end]
            if sign == "," and depth == 1:
                break
    return None


def parse_windows(windows: Sequence[str], resolution: str) -> dict[str, int | None]:
    """Seconds of each window by name, shortest first; none of the lifetime.

    Raises:
        UsageError: one is no length of time, too long, no multiple of the resolution, or two are equal.
    """
    if resolution not in RESOLUTIONS:
        raise UsageError(
            "--resolution",
            expected=" or ".join(RESOLUTIONS),
            found=resolution,
            next_step="choose one of them",
        )
    unit = seconds_of(resolution)
    lengths: dict[str, int] = {window: seconds_of(window) for window in windows if window != "lifetime"}
    wrong = [
        window
        for window, seconds in lengths.items()
        if not seconds or seconds % unit or seconds > LONGEST_WINDOW
    ]
    if wrong or not windows or len(set(lengths.values())) < len(lengths) or len(set(windows)) < len(windows):
        raise UsageError(
            "--windows",
            expected=f"different lengths of time up to 365d, multiples of {resolution}, or lifetime",
            found=", ".join(wrong or windows) or "none",
            next_step="correct --windows, for instance 1h,7d,lifetime",
        )
    ordered = {window: lengths[window] for window in sorted(lengths, key=lambda window: lengths[window])}
    return {**ordered, **({"lifetime": None} if "lifetime" in windows else {})}


def seconds_of(window: str) -> int:
    """Seconds of 5m, 1h, 7d and the like; 0 of anything else."""
    found = _WINDOW.fullmatch(window)
    return int(found[1]) * _SECONDS[found[2]] if found else 0


def require_distinct_columns(
    measures: Sequence[Measure],
    windows: Mapping[str, int | None],
    keys: Sequence[str] = (),
    expressions: Sequence[str] = (),
) -> None:
    """Refuses measures whose columns would have one name, or one that PostgreSQL cuts off.

    Args:
        measures: of the view.
        windows: of the view.
        keys: columns of its entity key.
        expressions: names of its other columns.

    Raises:
        UsageError: names the column.
    """
    reserved = sorted({*RESERVED_FOR_KEYS.intersection(keys), *RESERVED.intersection(expressions)})
    _require_free_names([measure.name for measure in measures], reserved)
    names = [*keys, *expressions, *_columns(measures, windows)]
    twice = {name for name in names if names.count(name) > 1}
    long = [name for name in names if len(name.encode()) > LONGEST_NAME]
    if twice or long:
        raise UsageError(
            "columns of the view",
            expected=f"different names, at most {LONGEST_NAME} bytes each",
            found=", ".join(sorted(twice) or long[:3]),
            next_step="choose other names of measures or expressions",
        )


def _columns(measures: Sequence[Measure], windows: Mapping[str, int | None]) -> list[str]:
    return [
        f"{measure.name}_{operation}_{window}"
        for measure in measures
        for operation in measure.operations
        for window in windows
    ]


def _require_free_names(measures: Sequence[str], reserved: Sequence[str]) -> None:
    twice = sorted({name for name in measures if measures.count(name) > 1})
    long = [name for name in measures if len(name) > LONGEST_MEASURE]
    if twice or long or reserved:
        raise UsageError(
            "names in the view",
            expected=f"measures of different names, at most {LONGEST_MEASURE} characters each"
            + (f"; no column called {', '.join(reserved)}" if reserved else ""),
            found=", ".join(twice or long or reserved),
            next_step="choose another name; a measure can have several operations, as total=sum,mean:total",
        )


def _wrong(text: str, expected: str, found: str) -> UsageError:
    return UsageError(
        f"--measure {text.partition('=')[0]}",
        expected=expected,
        found=found,
        next_step="correct it, for instance 'total=sum,mean:amount' or \"paid=count where status = 'paid'\"",
    )
