"""Whether a contract still accepts what its last version accepted, path by path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from headgate.change import Change
from headgate.contract.declared import Contract, PathRule

LAYER = "source"
#: Stands for every kind, and every generation, that neither contract names.
OTHERS = "others"
#: Types that accept all that another accepts.
WIDER = {"integer": {"number", "any"}, "timestamp": {"string", "any"}}

#: Kind and generation of a record.
Scope = tuple[str, str]


@dataclass(frozen=True)
class _Universe:
    """All kinds and generations that two contracts tell apart."""

    kinds: tuple[str, ...]
    generations: tuple[str, ...]

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
        kinds = sorted({kind for kind, _ in found})
        generations = sorted({generation for _, generation in found})
        parts = [
            ", ".join(named)
            for named, every in ((kinds, self.kinds), (generations, self.generations))
            if len(named) < len(every)
        ]
        return " of ".join(parts)


def contract_changes(source: str, before: Contract, after: Contract) -> list[Change]:
    """What differs in what two contracts accept; comments, order and version aside."""
    named = [*before.paths, *after.paths]
    universe = _Universe(
        tuple(sorted({OTHERS, *before.kinds, *after.kinds})),
        tuple(sorted({OTHERS, *(name for rule in named for name in rule.generations)})),
    )
    old, new = universe.rules(before), universe.rules(after)
    changes = [*_envelope(source, before, after)]
    for path in sorted(old.keys() | new.keys()):
        changes += _path(source, path, old.get(path, {}), new.get(path, {}), universe)
    return changes


def version_problem(source: str, before: Contract, after: Contract, changes: list[Change]) -> str | None:
    """What is wrong with the version of a contract that changed, as a sentence; None when nothing is."""
    if after.version < before.version:
        return (
            f"contract of {source}: version {after.version} is declared, version {before.version} was used "
            f"already. Next: raise it to {before.version + 1}"
        )
    if changes and after.version == before.version:
        paths = ", ".join(sorted({change.subject for change in changes})[:3])
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
            f"{before.time_tolerance_hours} hours",
            f"{after.time_tolerance_hours} hours",
            breaking=after.time_tolerance_hours < before.time_tolerance_hours,
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
        for found in _difference(old.get(scope), new.get(scope)):
            grouped.setdefault(found, []).append(scope)
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
