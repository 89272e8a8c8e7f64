"""Which paths a contract declares, from what was observed, kind by kind: pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from headgate.contract import EACH, Envelope, PathRule, Step, parse_path
from headgate.contract.declared import JsonType
from headgate.contract.paths import parent_path
from headgate.landing.times import EPOCH_UNITS
from headgate.scaffold.instants import is_ambiguous, is_called_like_a_time, says_no_zone
from headgate.scaffold.names import LONGEST_IN_POSTGRES
from headgate.scaffold.observe import ROOT, Observed, Seen, can_be_column
from headgate.scaffold.personal import is_personal

#: How often a path has to have been there, always, to be required.
ENOUGH = 10
#: Steps of a path beyond which a value stays JSON; and arrays inside arrays beyond which elements do.
DEEPEST, DEEPEST_ARRAYS = 8, 2
#: Typed paths of a kind, in the order in which records have them; what is beyond stays in the raw record.
MOST_PATHS = 1_600
#: Smaller whole numbers are counts, whatever their key is called: visitors by `phone`.
SMALLEST_PERSONAL = 100_000
#: So many different values are taken for a list of all; with so many records at least.
FEW_VALUES, FEW_VALUES_OF = 8, 50


def rules_of(observed: Mapping[str, Observed], envelope: Envelope) -> Iterator[PathRule]:
    """One rule per path and per way in which kinds differ in it."""
    paths = dict.fromkeys(path for seen in observed.values() for path in seen if path != ROOT)
    for path in sorted(paths, key=_sort_key):
        groups: dict[tuple[str, bool], list[str]] = defaultdict(list)
        personal = False
        for kind, seen in observed.items():
            if path in seen and seen[path].present:
                groups[_type(path, seen[path], envelope), _required(path, seen[path], envelope)].append(kind)
                personal = personal or _is_personal(path, seen[path])
        everywhere = len(groups) == 1 and len(*groups.values()) == len(observed)
        for (json_type, required), kinds in sorted(groups.items()):
            yield PathRule(
                path,
                cast("JsonType", json_type),
                required,
                () if everywhere or not envelope.kind else tuple(kinds),
                pii="hmac" if personal and json_type == "string" else None,
            )


def declarable(observed: Observed) -> Observed:
    """What is declared: what can be typed, and personal data wherever it is, for landing has to know that."""
    personal = [path for path, seen in observed.items() if _is_personal(path, seen)]
    replaced = {
        path for path in observed for outer in personal if path.startswith((f"{outer}.", f"{outer}[]"))
    }
    left = {path: seen for path, seen in observed.items() if path not in replaced}
    typed = _typable(left)
    return {path: seen for path, seen in left.items() if path in typed or path in personal}


def _typable(observed: Observed) -> set[str]:
    """Paths inside of objects, and of arrays whose elements are objects; as many as are typed."""
    typed = {ROOT}
    for path in sorted(observed, key=lambda path: len(_steps(path))):
        if path and len(typed) <= MOST_PATHS and _can_be_typed(path, observed, typed):
            typed.add(path)
    for path in sorted(typed, key=len, reverse=True):
        # Elements of which no key ever held anything give no column.
        if path.endswith("[]") and not any(
            other.startswith(f"{path}.") and observed[other].present for other in typed
        ):
            typed.remove(path)
    return typed


def _can_be_typed(path: str, observed: Observed, typed: set[str]) -> bool:
    steps, parent = _steps(path), parent_path(path)
    if parent not in typed or len(steps) > DEEPEST or steps.count(EACH) > DEEPEST_ARRAYS:
        return False
    if isinstance(steps[-1], str):
        return observed[parent].type == "object" and can_be_column(steps[-1])
    return observed[parent].type == "array" and observed[path].type == "object"


def _sort_key(path: str) -> tuple[int, list[tuple[bool, str]]]:
    """Scalars of the record first, then what is inside of it, each object in one place."""
    steps = _steps(path)
    return (len(steps) > 1, [(isinstance(step, str), str(step)) for step in steps])


def _steps(path: str) -> tuple[Step, ...]:
    return parse_path(path) if path else ()


def _required(path: str, seen: Seen, envelope: Envelope) -> bool:
    if path == envelope.kind:
        return True
    return seen.always and seen.parents >= ENOUGH and not path.endswith("[]")


def _is_personal(path: str, seen: Seen) -> bool:
    """Whether its scalars are personal data, or such data stands under keys that no contract can name."""
    if seen.types["string"] or seen.types["timestamp"] or seen.types["date"]:
        return is_personal(path, seen.values)
    if seen.largest >= SMALLEST_PERSONAL:
        return is_personal(path, ())
    return any(_is_personal(below, inside) for below, inside in seen.inside.items())


def _type(path: str, seen: Seen, envelope: Envelope) -> str:
    """The type that is declared: personal data is a text once it is replaced, and a number may be a time."""
    if _is_personal(path, seen):
        return "string"
    if seen.epoch and (path == envelope.time or is_called_like_a_time(_key(path))):
        return seen.epoch
    return seen.type


def _key(path: str) -> str:
    return next((step for step in reversed(_steps(path)) if isinstance(step, str)), "")


def few_values(
    observed: Mapping[str, Observed], personal: set[str], envelope: Envelope
) -> dict[tuple[str, str], tuple[str, ...]]:
    """(kind, path) -> all strings that stand there, where they are few and not personal."""
    settled = {*personal, envelope.identity, envelope.kind}
    return {
        (kind, path): tuple(sorted(seen.values))
        for kind, paths in observed.items()
        for path, seen in paths.items()
        if path not in settled and seen.present >= FEW_VALUES_OF and _has_few_values(seen)
    }


def _has_few_values(seen: Seen) -> bool:
    return seen.type == "string" and 1 < len(seen.values) <= FEW_VALUES and not seen.overflowed


def notes(
    sampled: Mapping[str, Observed], observed: Mapping[str, Observed], envelope: Envelope
) -> Iterator[str]:
    """What to know of the result: of what was sampled, what is declared, and what is not."""
    for name, path in (("identity", envelope.identity), ("kind", envelope.kind), ("time", envelope.time)):
        yield f"{name}: {path}" if path else f"{name}: none found; {_WITHOUT[name]}"
    yield from _times(observed, envelope)
    yield from _left_in_the_record(sampled, observed)
    empty = sorted(
        {path for seen in observed.values() for path, item in seen.items() if path and not item.present}
        - {path for seen in observed.values() for path, item in seen.items() if item.present}
    )
    if empty:
        yield f"always null, so not declared: {_some(empty)}"


def _times(observed: Mapping[str, Observed], envelope: Envelope) -> Iterator[str]:
    """How times are read where they do not say it themselves."""
    found: dict[str, list[str]] = defaultdict(list)
    for path, seen in ((path, seen) for paths in observed.values() for path, seen in paths.items()):
        declared = _type(path, seen, envelope)
        if declared in EPOCH_UNITS:
            found[f"numbers read as times ({declared})"].append(path)
        elif declared == "timestamp" and any(says_no_zone(value) for value in seen.values):
            found["times without a zone, read as UTC"].append(path)
        elif declared == "string" and seen.values and all(map(is_ambiguous, seen.values)):
            found["dates that may begin with the day or the month, kept as text"].append(path)
    for words, paths in found.items():
        yield f"{words}: {_some(list(dict.fromkeys(paths)))}"


def _left_in_the_record(sampled: Mapping[str, Observed], observed: Mapping[str, Observed]) -> Iterator[str]:
    """Paths that no column holds: the raw record keeps what stands there."""
    declared = {path for seen in observed.values() for path in seen}
    lost = [
        path
        for path in dict.fromkeys(path for seen in sampled.values() for path in seen)
        if path not in declared and not path.endswith("[]") and parent_path(path) in declared
    ]
    reasons: dict[str, list[str]] = defaultdict(list)
    for path in lost:
        reasons[_reason(_steps(path))].append(path)
    for reason, paths in reasons.items():
        keys = "1 key stays" if len(paths) == 1 else f"{len(paths):,} keys stay"
        yield f"{keys} in the raw record: {_some(paths)} ({reason})"


def _reason(steps: tuple[Step, ...]) -> str:
    """Why a path is not typed."""
    if not can_be_column(str(steps[-1])):
        return (
            f"no name of a column: empty, longer than {LONGEST_IN_POSTGRES} bytes, or with control characters"
        )
    if len(steps) > DEEPEST or steps.count(EACH) > DEEPEST_ARRAYS:
        return f"deeper than {DEEPEST} steps or {DEEPEST_ARRAYS} arrays"
    return f"at most {MOST_PATHS:,} paths of a kind are typed"


def _some(paths: Sequence[str]) -> str:
    return ", ".join(paths[:8]) + (", ..." if len(paths) > 8 else "")


_WITHOUT = {
    "identity": "a record is the same as another when its text is; --identity names a path",
    "kind": "all records go into one model; --kind names a path",
    "time": "records have the time at which they landed; --time names a path",
}
