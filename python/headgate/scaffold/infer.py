"""Infers the contract of a source from a sample: pure functions, from records to declared paths.

Data flow: records -> identity, kind and time -> what is at each path, kind by kind -> rules.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.contract import Contract, Envelope, format_path, parse_path
from headgate.contract.paths import format_key
from headgate.errors import UsageError
from headgate.scaffold.instants import are_times, is_called_like_a_time, require_times
from headgate.scaffold.names import snake_case
from headgate.scaffold.observe import can_land, observe
from headgate.scaffold.personal import is_personal
from headgate.scaffold.rules import declarable, few_values, notes, rules_of
from headgate.scaffold.sample import Record

#: More kinds than this are no kinds.
MOST_KINDS = 24

_IDENTITY = {"id": 10, "uuid": 9, "guid": 9, "event_id": 9, "delivery_id": 9, "message_id": 9, "record_id": 9}
#: Such as t-17, INV/2026/0017 or 0017: letters and digits, no amount.
_SERIAL = re.compile(r"(?=\D*\d)(?!\d*[.,]\d*$)[\w./#-]{1,64}", re.ASCII)
#: In fewer records that no two values are equal says little.
_FEWEST_SERIALS = 20
_KIND = {
    **dict.fromkeys(("type", "event_type", "kind", "event", "event_name", "record_type"), 10),
    **dict.fromkeys(("topic", "object", "object_type", "message_type", "category"), 6),
    "action": 3,
}
_TIME = {
    **dict.fromkeys(("created_at", "occurred_at", "event_time", "timestamp", "ts", "time"), 10),
    **dict.fromkeys(("created", "measured_at", "recorded_at", "received_at", "sent_at", "datetime"), 8),
    "date": 4,
    "updated_at": 2,
}
_KIND_VALUE = re.compile(r"[A-Za-z][\w.:/-]{0,60}")


@dataclass(frozen=True)
class Inferred:
    """What a sample says of its source."""

    contract: Contract
    #: Kinds of records in their order; empty where records are of one kind.
    kinds: tuple[str, ...]
    #: (kind, path) -> values, where there are few: what an accepted_values gate may hold on to.
    values: Mapping[tuple[str, str], tuple[str, ...]]
    records: int
    #: Sentences for the person who reads the result.
    notes: tuple[str, ...]


def infer(
    records: Sequence[Record],
    *,
    identity: str | None = None,
    kind: str | None = None,
    time: str | None = None,
    no_kind: bool = False,
) -> Inferred:
    """The contract that a sample keeps. Given paths of the envelope win over what is found.

    With `no_kind` all records are of one kind.

    Raises:
        UsageError: a given path is not in the sample, or nothing can be declared.
    """
    # A record that came twice says nothing new, and would make an identity look like none.
    distinct = list({json.dumps(record, sort_keys=True): record for record in records}.values())
    envelope = Envelope(
        _given("--identity", identity, distinct) or _best(distinct, _identity_score),
        None if no_kind else _given("--kind", kind, distinct) or _best(distinct, _kind_score),
        _given("--time", time, distinct) or _best(distinct, _time_score),
    )
    if time is not None and envelope.time is not None:
        require_times("--time", envelope.time, (value_at(record, envelope.time) for record in distinct))
    by_kind = _by_kind(distinct, envelope.kind)
    sampled = {name: observe(group) for name, group in sorted(by_kind.items())}
    observed = {name: declarable(seen) for name, seen in sampled.items()}
    rules = tuple(rules_of(observed, envelope))
    if not rules:
        raise UsageError(
            "sample",
            expected="records with values under keys that are names",
            found="none",
            next_step="give a sample with some hundred records",
        )
    contract = Contract(1, envelope, None, rules)
    kinds = tuple(name for name in observed if name) if envelope.kind else ()
    personal = {rule.path for rule in rules if rule.pii}
    return Inferred(
        contract,
        kinds,
        few_values(observed, personal, envelope),
        len(records),
        (*notes(sampled, observed, envelope), *_proposals(distinct, envelope)),
    )


def _by_kind(records: Sequence[Record], path: str | None) -> dict[str, list[Record]]:
    """The records of each kind; of none, called "", where no kind is told."""
    if path is None:
        return {"": list(records)}
    found: dict[str, list[Record]] = defaultdict(list)
    for record in records:
        kind = value_at(record, path)
        if isinstance(kind, str) and _KIND_VALUE.fullmatch(kind):
            found[kind].append(record)
    if 0 < len(found) <= MOST_KINDS:
        return found
    raise UsageError(
        f"--kind {path}",
        expected=f"1 to {MOST_KINDS} kinds that are words, for each gets a model of its own",
        found=f"{len(found)}",
        next_step="name another path, or leave --kind out",
    )


def value_at(record: Mapping[str, Any], path: str) -> Any:
    """What stands at a path without arrays; None where nothing does."""
    found: Any = record
    for step in parse_path(path):
        found = found.get(step) if isinstance(found, dict) else None
    return found


def _given(option: str, path: str | None, records: Sequence[Record]) -> str | None:
    if path is None:
        return None
    try:
        steps = parse_path(path)
    except ValueError:
        # A key of the record as it is called there.
        steps = (path,)
    canonical = format_path(steps)
    if any(value_at(record, canonical) is not None for record in records):
        return canonical
    raise UsageError(
        option,
        expected="a path of the sample's records, such as id, payload.created_at or '\"Order ID\"'",
        found=f"none at {path}",
        next_step="correct it, or leave it out",
    )


Score = Callable[[str, list[Any], Sequence[Record]], float]


def _best(records: Sequence[Record], score: Score) -> str | None:
    """The key of all records, of those that can be declared, that scores best; of equals the first."""
    keys = list(dict.fromkeys(key for record in records[:100] for key in record if can_land(key)))
    scored = [(score(key, [record.get(key) for record in records], records), key) for key in keys]
    best, found = max(scored, key=lambda item: item[0], default=(0.0, ""))
    return format_key(found) if best > 0 else None


def _proposals(records: Sequence[Record], envelope: Envelope) -> Iterator[str]:
    """Paths that may be what no key of the record is called like: a person decides."""
    found = list(dict.fromkeys(path for record in records[:100] for path in _paths_of(record)))
    for option, path, score in (
        ("--identity", envelope.identity, _unique_score),
        ("--time", envelope.time, _time_score),
    ):
        scored = [
            (score(str(parse_path(name)[-1]), [value_at(record, name) for record in records], records), name)
            for name in (found if path is None else ())
        ]
        names = [name for worth, name in sorted(scored, key=lambda item: -item[0]) if worth > 0]
        if names:
            yield f"may be meant: {', '.join(f'{option} {shlex.quote(name)}' for name in names[:3])}"


def _unique_score(key: str, values: list[Any], records: Sequence[Record]) -> float:
    """The id of a thing inside of a record may come again with the next record: not one of these twice."""
    if len(set(map(str, values))) < len(values):
        return 0
    return _identity_score(key, values, records) or float(_are_serials(key, values))


def _are_serials(key: str, values: list[Any]) -> bool:
    """Whether all values are written as numbers of documents are, whatever the key is called."""
    return (
        len(values) >= _FEWEST_SERIALS
        and all(isinstance(value, str) and _SERIAL.fullmatch(value) for value in values)
        and not is_personal(format_key(key), values)
        and not are_times(values)
    )


def _paths_of(record: Record, above: tuple[str, ...] = ()) -> Iterator[str]:
    """Paths of up to four keys, in the order of the record."""
    for key, value in record.items():
        if not can_land(key):
            continue
        steps = (*above, key)
        if isinstance(value, dict) and len(steps) < 4:
            yield from _paths_of(value, steps)
        else:
            yield format_path(steps)


def _identity_score(key: str, values: list[Any], _records: Sequence[Record]) -> float:
    """An identity is there in every record, seldom the same in two, and called like one."""
    name = snake_case(key)
    called = _IDENTITY.get(name, 5 if name.endswith("_id") else 3 if name in ("number", "key", "code") else 0)
    scalar = all((isinstance(value, str) and value) or type(value) is int for value in values)
    if not (called and scalar) or is_personal(
        format_key(key), (value for value in values if isinstance(value, str))
    ):
        return 0
    share = len(set(values)) / len(values)
    # A thing's own id may come again with each change of the thing; another thing's id comes again often.
    return called * share if share >= (0.5 if called == 10 else 0.999) else 0


def _kind_score(key: str, values: list[Any], records: Sequence[Record]) -> float:
    """A kind is there in every record, has few values, and records of two kinds are built differently."""
    if not all(isinstance(value, str) and _KIND_VALUE.fullmatch(value) for value in values):
        return 0
    distinct = set(values)
    if len(distinct) > min(MOST_KINDS, max(2, len(values) // 3)):
        return 0
    called = _KIND.get(snake_case(key), 0)
    if len(distinct) == 1:
        return 0
    different = _difference(key, records)
    return called * 0.1 + different if called and different > 0.1 else different if different > 0.5 else 0


def _difference(key: str, records: Sequence[Record]) -> float:
    """How much of what records of one kind mostly hold, records of another kind never do: from 0 to 1."""
    groups: dict[str, Counter[str]] = defaultdict(Counter)
    sizes: Counter[str] = Counter(record[key] for record in records)
    for record in records:
        groups[record[key]].update(set(_shape(record)))
    usual = {
        path for kind, found in groups.items() for path, count in found.items() if 2 * count > sizes[kind]
    }
    telling = {path for path in usual if any(path not in found for found in groups.values())}
    return len(telling) / max(len(usual), 1)


def _shape(value: Any, path: str = "", depth: int = 0) -> Iterator[str]:
    if isinstance(value, dict) and depth < 4:
        for name, child in value.items():
            yield f"{path}.{name}"
            yield from _shape(child, f"{path}.{name}", depth + 1)


def _time_score(key: str, values: list[Any], _records: Sequence[Record]) -> float:
    """A time is there in nearly every record, can be read, and is called like one."""
    name = snake_case(key)
    called = _TIME.get(
        name, 3 if name.endswith(("_at", "_time")) else 1 if is_called_like_a_time(name) else 0
    )
    return called if called and are_times(values) else 0
