"""Reads a contract from `config.meta.contract` of the landing table in `_<source>__sources.yml`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast, get_args

from headgate.contract.paths import Step, format_path, parse_path
from headgate.errors import UsageError
from headgate.yaml_files import read_yaml

JsonType = Literal[
    "string",
    "integer",
    "number",
    "boolean",
    "timestamp",
    "date",
    "epoch_s",
    "epoch_ms",
    "epoch_us",
    "epoch_ns",
    "object",
    "array",
    "any",
]
Pii = Literal["hmac", "drop"]
#: What is kept of a line that may hold personal data where no path finds it.
RejectedLines = Literal["drop", "encrypt"]
TYPES: tuple[JsonType, ...] = get_args(JsonType)
PII = ("hmac", "drop")
REJECTED_LINES: tuple[RejectedLines, ...] = get_args(RejectedLines)

_CONTRACT_KEYS = {"version", "envelope", "time_tolerance_hours", "rejected_lines", "paths"}
_ENVELOPE_KEYS = {"identity", "kind", "time"}
_RULE_KEYS = {"path", "type", "required", "kinds", "except_kinds", "generations", "pii", "description"}


@dataclass(frozen=True)
class Envelope:
    """Where a record says what it is: its identity, its kind and its time; None where it does not say."""

    identity: str | None
    kind: str | None
    time: str | None


@dataclass(frozen=True)
class PathRule:
    """One declared path. Empty `kinds` and `generations` mean all."""

    path: str
    type: JsonType
    required: bool = False
    kinds: tuple[str, ...] = ()
    except_kinds: tuple[str, ...] = ()
    generations: tuple[str, ...] = ()
    pii: Pii | None = None
    description: str = ""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The path's steps, from the record inwards."""
        return parse_path(self.path)

    def applies_to(self, kind: str) -> bool:
        """True when records of `kind` fall under the rule."""
        return kind not in self.except_kinds and (not self.kinds or kind in self.kinds)

    def meets(self, other: PathRule) -> bool:
        """True when some record would fall under both rules."""
        if self.generations and other.generations and not set(self.generations) & set(other.generations):
            return False
        if self.kinds:
            return any(other.applies_to(kind) for kind in self.kinds if self.applies_to(kind))
        return not other.kinds or any(
            self.applies_to(kind) and other.applies_to(kind) for kind in other.kinds
        )


@dataclass(frozen=True)
class Contract:
    """What a source promises about the records of one landing table."""

    version: int
    envelope: Envelope
    #: How far a record's time may lie outside the extent of its load; None: any time will do.
    time_tolerance_hours: int | None
    paths: tuple[PathRule, ...]
    #: What is kept of rejected and repaired lines; see `of_rejected_lines` where it is not declared.
    rejected_lines: RejectedLines | None = None

    @property
    def time_type(self) -> JsonType:
        """The type of the record's time; `timestamp` where none is declared."""
        time = self.envelope.time
        return next((rule.type for rule in self.paths if rule.path == time), "timestamp")

    @property
    def personal(self) -> tuple[PathRule, ...]:
        """The paths that hold personal data."""
        return tuple(rule for rule in self.paths if rule.pii)

    @property
    def of_rejected_lines(self) -> RejectedLines | None:
        """What is kept of rejected and repaired lines; None: all of them, for no path is personal."""
        return self.rejected_lines or ("drop" if self.personal else None)

    @property
    def kinds(self) -> frozenset[str]:
        """Every kind that a path names."""
        return frozenset(kind for rule in self.paths for kind in (*rule.kinds, *rule.except_kinds))


def load_contract(project_dir: Path, source: str, entity: str) -> Contract:
    """The contract of a landing table of the project.

    Raises:
        UsageError: there is none, or it is not a contract; the message names the file and the place in it.
    """
    file = project_dir / "models" / "staging" / source / f"_{source}__sources.yml"
    if not file.is_file():
        raise UsageError(
            f"contract of source {source}",
            expected=f"the file {file}",
            found="no such file",
            next_step="declare the source and its contract there",
        )
    return read_contract(file, source, entity)


def read_contract(file: Path, source: str, entity: str) -> Contract:
    """The contract of source `source`, table `entity` in a dbt sources file.

    Raises:
        UsageError: it is not there or not a contract; the message names the place.
    """
    document = read_yaml(file)
    reader = _Reader(file)
    declared = reader.named(reader.mapping(document, "").get("sources"), source, "sources")
    table = reader.named(declared.get("tables"), entity, f"sources.{source}.tables")
    place = f"sources.{source}.tables.{entity}.config.meta.contract"
    meta = reader.mapping(reader.mapping(table.get("config"), place).get("meta"), place)
    return reader.contract(meta.get("contract"), place)


def parse_contract(value: object, origin: Path, place: str = "contract") -> Contract:
    """A contract as it stands in YAML, or as `ops.contracts` has kept it; errors name `origin`.

    Raises:
        UsageError: it is not one; the message names the place.
    """
    return _Reader(origin).contract(value, place)


@dataclass(frozen=True)
class _Reader:
    """Takes parsed YAML apart; every complaint names the file and the place in it."""

    file: Path

    def contract(self, value: object, place: str) -> Contract:
        """A whole contract."""
        found = self.mapping(value, place, _CONTRACT_KEYS)
        version = found.get("version")
        if not isinstance(version, int) or isinstance(version, bool) or version < 1:
            raise _error(self.file, f"{place}.version", "a whole number, 1 or more", repr(version))
        tolerance = found.get("time_tolerance_hours")
        if tolerance is not None and (type(tolerance) is not int or tolerance < 0):
            raise _error(
                self.file, f"{place}.time_tolerance_hours", "a whole number, 0 or more", repr(tolerance)
            )
        listed = self.items(found.get("paths"), f"{place}.paths")
        rules = tuple(self.rule(item, f"{place}.paths[{number}]") for number, item in enumerate(listed))
        self.refuse_doubles(rules, f"{place}.paths")
        envelope = self.envelope(found.get("envelope"), f"{place}.envelope")
        return Contract(version, envelope, tolerance, rules, self.rejected_lines(found, place))

    def rejected_lines(self, found: Mapping[str, Any], place: str) -> RejectedLines | None:
        """What is declared on rejected lines."""
        declared = found.get("rejected_lines")
        if declared not in (None, *REJECTED_LINES):
            expected = f"one of {', '.join(REJECTED_LINES)}"
            raise _error(self.file, f"{place}.rejected_lines", expected, repr(declared))
        return cast("RejectedLines | None", declared)

    def envelope(self, value: object, place: str) -> Envelope:
        """The three envelope paths; one that records do not have is null."""
        found = self.mapping(value, place, _ENVELOPE_KEYS)
        parts = {
            key: None if key in found and found[key] is None else self.path(found.get(key), f"{place}.{key}")
            for key in sorted(_ENVELOPE_KEYS)
        }
        return Envelope(**parts)

    def rule(self, value: object, place: str) -> PathRule:
        """One entry of `paths`."""
        found = self.mapping(value, place, _RULE_KEYS)
        path = self.path(found.get("path"), f"{place}.path")
        place = f"{place} ({path})"
        if found.get("type") not in TYPES:
            raise _error(self.file, f"{place}.type", f"one of {', '.join(TYPES)}", repr(found.get("type")))
        if found.get("pii") not in (None, *PII):
            raise _error(self.file, f"{place}.pii", f"one of {', '.join(PII)}", repr(found.get("pii")))
        if not isinstance(found.get("required", False), bool):
            raise _error(self.file, f"{place}.required", "true or false", repr(found["required"]))
        if "kinds" in found and "except_kinds" in found:
            raise _error(self.file, place, "kinds or except_kinds", "both")
        return PathRule(
            path,
            cast("JsonType", found["type"]),
            bool(found.get("required", False)),
            self.names(found.get("kinds"), f"{place}.kinds"),
            self.names(found.get("except_kinds"), f"{place}.except_kinds"),
            self.names(found.get("generations"), f"{place}.generations"),
            cast("Pii | None", found.get("pii")),
            str(found.get("description") or ""),
        )

    def refuse_doubles(self, rules: Iterable[PathRule], place: str) -> None:
        """Refuses two rules that give one path of one record two meanings."""
        seen: dict[str, list[PathRule]] = {}
        for rule in rules:
            if any(rule.meets(other) for other in seen.get(rule.path, ())):
                raise _error(self.file, place, f"{rule.path} once per kind and generation", "it twice")
            seen.setdefault(rule.path, []).append(rule)

    def path(self, value: object, place: str) -> str:
        """A path in the contract's notation, in the spelling that all have."""
        if not isinstance(value, str):
            found = _kind_of(value)
            raise _error(self.file, place, "a path, in quotes where YAML reads no text", found)
        try:
            return format_path(parse_path(value))
        except ValueError:
            expected = 'a path such as payload.commits[].author.email or customer."e.mail"'
            raise _error(self.file, place, expected, "something else") from None

    def names(self, value: object, place: str) -> tuple[str, ...]:
        """A list of names; absent means all, an empty list means a mistake."""
        if value is None:
            return ()
        listed = self.items(value, place)
        if not listed or not all(isinstance(item, str) for item in listed):
            raise _error(self.file, place, "a list of names", repr(value))
        return tuple(cast("list[str]", listed))

    def named(self, value: object, name: str, place: str) -> Mapping[str, Any]:
        """The entry of a list whose `name` is `name`."""
        for item in self.items(value, place):
            entry = self.mapping(item, place)
            if entry.get("name") == name:
                return entry
        raise _error(self.file, place, f"an entry named {name}", "none")

    def items(self, value: object, place: str) -> list[object]:
        """A list."""
        if not isinstance(value, list):
            raise _error(self.file, place, "a list", _kind_of(value))
        return value

    def mapping(self, value: object, place: str, known: set[str] | None = None) -> Mapping[str, Any]:
        """A mapping that has none but the known keys."""
        if not isinstance(value, dict):
            raise _error(self.file, place, "a mapping", _kind_of(value))
        unknown = sorted(str(key) for key in value if known is not None and key not in known)
        if unknown:
            raise _error(
                self.file, place, f"keys among {', '.join(sorted(known or ()))}", f"also {', '.join(unknown)}"
            )
        return value


def _kind_of(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _error(file: Path, place: str, expected: str, found: str) -> UsageError:
    subject = f"{file}, {place}" if place else str(file)
    return UsageError(subject, expected=expected, found=found, next_step="correct the file")
