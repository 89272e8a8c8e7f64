"""Whether a contract still accepts what its last version accepted, path by path."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from headgate.change import Change
from headgate.contract.declared import Contract, PathRule
from headgate.contract.paths import leading_path

LAYER = "source"
#: Stands for every kind, and every generation, that neither contract names.
OTHERS = "others"
#: Types that accept all that another accepts.
WIDER = {
    "integer": {"number", "any"},
    "timestamp": {"string", "any"},
    "date": {"timestamp", "string", "any"},
}

#: Kind and generation of a record.
Scope = tuple[str, str]


@dataclass(frozen=True)
class _Universe:
    """All kinds and generations that two contracts tell apart."""

    kinds: tuple[str, ...]
    generations: tuple[str, ...]
    #: Generations that the older contract does not name, where it names some.
    added_generations: frozenset[str]

    def rules(self, contract: Contract) -> dict[str, dict[Scope, PathRule]]:
        """The rule of every path, for each kind and generation that it holds for."""
        found: dict[str, dict[Scope, PathRule]] = {}
        for rule in contract.paths:
            for kind in self.kinds:
                for generation in self.generations:
                    if rule.applies_to(kind) and (not rule.generations or generation in rule.generations):
                        found.setdefault(rule.path, {})[kind, generation] = rule
        return found

    def words(self, scopes: Iterable[Scope]) -> str:
        """Kinds and generations in words; empty when they are all."""
        found = set(scopes)
        kinds = _named({kind for kind, _ in found}, self.kinds)
        generations = _named({generation for _, generation in found}, self.generations)
        return " of ".join(part for part in (kinds, generations) if part)


def _named(some: set[str], every: tuple[str, ...]) -> str:
    """Names in words, the shorter way round; empty when they are all."""
    others = set(every) - some
    if others and OTHERS in some and len(some) > 1:
        return f"all but {', '.join(sorted(others))}"
    return ", ".join(sorted(some)) if others else ""


def contract_changes(source: str, before: Contract, after: Contract) -> list[Change]:
    """What differs in what two contracts accept; comments, order and version aside."""
    was, now = _generations(before), _generations(after)
    # Of generations that a contract does not name nothing is typed, once it names any.
    others = set() if was else {OTHERS}
    universe = _Universe(
        tuple(sorted({OTHERS, *before.kinds, *after.kinds})),
        tuple(sorted(others | was | now)),
        frozenset(now - was) if was else frozenset(),
    )
    old, new = universe.rules(before), universe.rules(after)
    changes = [*_envelope(source, before, after)]
    for path in sorted(old.keys() | new.keys()):
        changes += _path(source, path, old.get(path, {}), new.get(path, {}), universe)
    return changes


def _generations(contract: Contract) -> set[str]:
    return {name for rule in contract.paths for name in rule.generations}


def version_problem(source: str, before: Contract, after: Contract, changes: list[Change]) -> str | None:
    """What is wrong with the version of a contract that changed, as a sentence; None when nothing is."""
    if after.version < before.version:
        return (
            f"contract of {source}: version {after.version} is declared, version {before.version} was used "
            f"already. Next: raise it to {before.version + 1}"
        )
    if changes and after.version == before.version:
        paths = ", ".join(sorted({leading_path(change.subject) for change in changes})[:3])
        return (
            f"contract of {source}: changed ({paths}) without raising its version. "
            f"Next: set version: {before.version + 1}"
        )
    return None


def _envelope(source: str, before: Contract, after: Contract) -> Iterator[Change]:
    for part in ("identity", "kind", "time"):
        old, new = getattr(before.envelope, part), getattr(after.envelope, part)
        if old != new:
            yield _change(source, "changed envelope", part, old, new, breaking=True)
    if before.time_tolerance_hours != after.time_tolerance_hours:
        yield _change(
            source,
            "changed tolerance",
            "time_tolerance_hours",
            _hours(before),
            _hours(after),
            breaking=_strictness(after) > _strictness(before),
        )


def _path(
    source: str,
    path: str,
    old: Mapping[Scope, PathRule],
    new: Mapping[Scope, PathRule],
    universe: _Universe,
) -> Iterator[Change]:
    """The changes of one path, one of each kind, with the kinds and generations that it concerns."""
    grouped: dict[tuple[str, str, str, bool], list[Scope]] = {}
    for scope in sorted(old.keys() | new.keys()):
        for kind, before, after, breaking in _difference(old.get(scope), new.get(scope)):
            # Records of a generation that was never declared were never let through.
            matters = breaking and scope[1] not in universe.added_generations
            grouped.setdefault((kind, before, after, matters), []).append(scope)
    for (kind, before, after, breaking), scopes in sorted(grouped.items()):
        where = universe.words(scopes)
        yield _change(source, kind, f"{path} ({where})" if where else path, before, after, breaking=breaking)


def _difference(old: PathRule | None, new: PathRule | None) -> Iterator[tuple[str, str, str, bool]]:
    """(kind of change, before, after, breaking) for one kind and generation of record."""
    if old is None and new is not None:
        yield "added path", "", _words(new), new.required
        return
    if new is None and old is not None:
        yield "removed path", _words(old), "", True
        return
    assert old is not None
    assert new is not None
    if old.type != new.type:
        widened = new.type in WIDER.get(old.type, {"any"})
        yield "widened path" if widened else "retyped path", old.type, new.type, not widened
    if old.required != new.required:
        before, after = ("optional", "required") if new.required else ("required", "optional")
        yield "changed path", before, after, new.required
    if old.pii != new.pii:
        yield "changed privacy of path", old.pii or "kept", new.pii or "kept", True


def _words(rule: PathRule) -> str:
    return f"{'required' if rule.required else 'optional'} {rule.type}"


def _change(source: str, kind: str, subject: str, before: str, after: str, *, breaking: bool) -> Change:
    return Change(
        layer=LAYER,
        name=source,
        kind=kind,
        subject=subject,
        before=before,
        after=after,
        breaking=breaking,
    )


def _hours(contract: Contract) -> str:
    hours = contract.time_tolerance_hours
    return "no limit" if hours is None else f"{hours} hours"


def _strictness(contract: Contract) -> float:
    hours = contract.time_tolerance_hours
    return -math.inf if hours is None else -hours
