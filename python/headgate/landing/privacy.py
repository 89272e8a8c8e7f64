"""Replaces personal data before it is written: keyed HMAC or removal, at the paths that the contract tags."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from headgate import private
from headgate.contract import Contract, PathRule, Step, parse_path
from headgate.landing import lossless_json
from headgate.landing.keeping import Keeper, Kept
from headgate.secrecy import require_strong
from headgate.settings import Settings

KEY_FILE = "pii.key"
PREFIX = "hmac:"
HEX_DIGITS = 32
CACHE_LIMIT = 100_000
#: What landed with a weak key can only be matched by the same key.
GO_ON = (
    "where records have landed with this one, set HEADGATE_ALLOW_WEAK_KEYS=1 to go on with it: "
    "another key hashes the same person to another value"
)

#: A place that holds personal data: container, key or position in it, what to do.
Hit = tuple[Any, Any, str]
Visit = Callable[[Any, Any, Any, list[Hit]], None]

#: The one whole number that orjson does not write as it read it.
_MINUS_ZERO = re.compile(rb"-0[,\]}\s]")


def pii_key(settings: Settings) -> bytes:
    """The HMAC key: HEADGATE_PII_KEY, else a random one that is made once and kept in `settings.home`."""
    if settings.pii_key is not None:
        return _strong(settings, "HEADGATE_PII_KEY", os.fsencode(settings.pii_key))
    file = settings.home / KEY_FILE
    with contextlib.suppress(FileNotFoundError):
        return _strong(settings, str(file), file.read_bytes().strip())
    private.folder(settings.home)
    fresh = file.with_name(f"{KEY_FILE}.{os.getpid()}")
    fresh.touch(mode=0o600)
    fresh.write_text(secrets.token_hex(32) + "\n")
    # link, not rename: of two processes that start at once, the first one's key wins.
    with contextlib.suppress(FileExistsError):
        file.hardlink_to(fresh)
    fresh.unlink()
    return file.read_bytes().strip()


def _strong(settings: Settings, name: str, key: bytes) -> bytes:
    """The key, unless whoever has the hashes finds it, and with it the names, by trying."""
    if not settings.allow_weak_keys:
        require_strong(name, key, next_step=GO_ON)
    return key


def digest(key: bytes, text: str) -> str:
    """What stands for a personal text, as `Minimiser.digest` gives it."""
    keyed = hmac.new(key, text.encode("utf-8", "surrogatepass"), "sha256")
    return PREFIX + keyed.hexdigest()[:HEX_DIGITS]


class Minimiser:
    """Applies a contract's `pii` paths to records."""

    def __init__(self, contract: Contract, key: bytes) -> None:
        # Copied for each value: setting up a key costs more than hashing a name.
        self._hmac = hmac.new(key, digestmod="sha256")
        self._fingerprint_key = hashlib.sha256(b"headgate fingerprints" + key).digest()
        self._digests: dict[str, str] = {}
        self._known = contract.kinds
        self._rules = contract.personal
        self._visits: dict[str | None, Visit | None] = {}
        self._keeper = Keeper(contract, key, self._digest_line)
        self._verbatim = contract.of_rejected_lines is None
        #: The envelope is read from records without personal data: a part of it is personal, or may be.
        self.covers_envelope = _covers(contract)

    def minimise(self, line: bytes, record: Any, kind: str | None) -> bytes:
        """The line without personal data: itself when it holds none. Changes `record`, the line parsed.

        Raises:
            OutOfRangeError: it holds some, and a number beyond what PostgreSQL takes.
        """
        # Asked for every line: most kinds are known, and have no personal path.
        visits = self._visits
        visit = visits[kind] if kind in visits else self.visit_for(kind)
        if visit is None:
            return line
        hits: list[Hit] = []
        visit(None, None, record, hits)
        if not hits:
            return line
        try:
            text = orjson.dumps(record)
            same = len(line) - len(text) in (0, 1) and line.startswith(text)
            unrounded = same or not (_holds_float(record) or _MINUS_ZERO.search(line))
        except orjson.JSONEncodeError:  # nested deeper than orjson writes
            unrounded = False
        if not unrounded:
            return self.minimise_exactly(line, kind)
        self._apply(hits)
        return orjson.dumps(record)

    def minimise_exactly(self, line: bytes, kind: str | None) -> bytes:
        """As `minimise`, at any depth and with every number as it was written.

        Raises:
            OutOfRangeError: one is beyond what PostgreSQL takes.
        """
        record = lossless_json.loads(line.decode())
        hits: list[Hit] = []
        visit = self.visit_for(kind)
        if visit is not None:
            visit(None, None, record, hits)
        if not hits:
            return line
        self._apply(hits)
        return lossless_json.dumps(record)

    def keep(self, line: bytes) -> Kept:
        """What is stored of a line that no path finds personal data in."""
        return self._keeper.keep(line)

    def keep_minimised(self, text: bytes) -> Kept:
        """What is stored of a record that cannot land; `minimise` gave its text."""
        if not self._rules:
            return self._keeper.keep(text)
        # Written anew: of a key that stands there twice, the paths found the last value only.
        try:
            record = lossless_json.loads(text.decode())
        except (ValueError, RecursionError):
            return self._keeper.keep(text)
        return Kept(lossless_json.dumps(record), "minimised", len(text))

    def fingerprint(self, line: bytes) -> str:
        """Hash of a record that has no identity: with the key where it may hold personal data."""
        if self._rules:
            # With its key as fast as MD5, whose length identities have.
            return hashlib.blake2b(line, key=self._fingerprint_key, digest_size=16).hexdigest()
        return hashlib.md5(line, usedforsecurity=False).hexdigest()

    def digest(self, text: str) -> str:
        """What stands for a personal value."""
        found = self._digests.get(text)
        if found is None:
            if len(self._digests) >= CACHE_LIMIT:
                self._digests.clear()
            found = self._digests[text] = self._digest_line(text.encode("utf-8", "surrogatepass"))
        return found

    def _digest_line(self, line: bytes) -> str:
        keyed = self._hmac.copy()
        keyed.update(line)
        return PREFIX + keyed.hexdigest()[:HEX_DIGITS]

    def visit_for(self, kind: str | None) -> Visit | None:
        """Finds the personal data in records of a kind; None when no path applies to it."""
        # A kind that the contract does not know may hold anything: every path is tried.
        kind = kind if kind in self._known else None
        if kind not in self._visits:
            rules = [rule for rule in self._rules if kind is None or rule.applies_to(kind)]
            self._visits[kind] = _compile(_tree(rules)) if rules else None
        return self._visits[kind]

    def _apply(self, hits: list[Hit]) -> None:
        digests = self._digests
        for container, key, action in hits:
            value = container[key]
            if action == "drop":
                if type(container) is dict:
                    del container[key]
                else:
                    container[key] = None
            elif type(value) is str:
                container[key] = digests.get(value) or self.digest(value)
            else:
                container[key] = self.digest(lossless_json.dumps(value).decode())


def _holds_float(value: Any) -> bool:
    """Whether a value holds a number that orjson may write in other digits than it read."""
    for item in value.values() if type(value) is dict else value:
        kind = type(item)
        if kind is float or ((kind is dict or kind is list) and _holds_float(item)):
            return True
    return False


@dataclass
class _Node:
    """Where paths part: what to do here, or below each key, each position, every element."""

    action: str = ""
    keys: dict[str, _Node] = field(default_factory=dict)
    positions: dict[int, _Node] = field(default_factory=dict)
    each: _Node | None = None


def _tree(rules: Sequence[PathRule]) -> _Node:
    root = _Node()
    for rule in rules:
        node = root
        for step in rule.steps:
            if isinstance(step, str):
                node = node.keys.setdefault(step, _Node())
            elif isinstance(step, int):
                node = node.positions.setdefault(step, _Node())
            else:
                node.each = node.each or _Node()
                node = node.each
        node.action = rule.pii or ""
    return root


def _compile(node: _Node) -> Visit:
    """A function that finds the personal data below a value: an object, an array, or either."""
    visit: Visit = _misplaced
    if node.each or node.positions:
        visit = _compile_array(node)
    if node.keys:
        visit = _compile_object(node, otherwise=visit)
    return visit


def _compile_object(node: _Node, otherwise: Visit) -> Visit:
    leaves = [(key, child.action) for key, child in node.keys.items() if child.action]
    inner = [(key, _compile(child)) for key, child in node.keys.items() if not child.action]
    visit_alike = _compile_alike(leaves, inner)
    #: Keys that need no second look: the declared ones, and those met that read like none of them.
    settled = set(node.keys)

    def visit(container: Any, key: Any, value: Any, hits: list[Hit]) -> None:
        if type(value) is not dict:
            otherwise(container, key, value, hits)
            return
        for name, action in leaves:
            if value.get(name) is not None:
                hits.append((value, name, action))
        for name, child in inner:
            found = value.get(name)
            if found is not None:
                child(value, name, found, hits)
        if not settled.issuperset(value):
            if len(settled) > CACHE_LIMIT:
                settled.intersection_update(node.keys)
            visit_alike(value, settled, hits)

    return visit


def _compile_alike(
    leaves: Sequence[tuple[str, str]], inner: Sequence[tuple[str, Visit]]
) -> Callable[[dict[str, Any], set[str], list[Hit]], None]:
    """Finds the personal data below keys that read like declared ones, and settles all others."""
    actions = {_folded(name): action for name, action in leaves}
    children = {_folded(name): child for name, child in inner}

    def visit(value: dict[str, Any], settled: set[str], hits: list[Hit]) -> None:
        for name, found in value.items():
            if name in settled:
                continue
            folded = _folded(name)
            action, child = actions.get(folded), children.get(folded)
            if action is None and child is None:
                settled.add(name)
            elif found is None:
                continue
            elif action is not None:
                hits.append((value, name, action))
            elif child is not None:
                child(value, name, found, hits)

    return visit


def _folded(key: str) -> str:
    """The key as it reads, whatever its case and separators: `E-Mail` and `eMail` as `e_mail`."""
    folded = unicodedata.normalize("NFKC", key).casefold()
    return "".join(filter(str.isalnum, folded)) or folded


def _compile_array(node: _Node) -> Visit:
    positions = [(position, _visit_item(child)) for position, child in node.positions.items()]
    each = _visit_item(node.each) if node.each else None

    def visit(container: Any, key: Any, value: Any, hits: list[Hit]) -> None:
        if type(value) is not list:
            _misplaced(container, key, value, hits)
            return
        for position, child in positions:
            if position < len(value):
                child(value, position, value[position], hits)
        if each is not None:
            for position, item in enumerate(value):
                each(value, position, item, hits)

    return visit


def _visit_item(node: _Node) -> Visit:
    """Visits an element of an array, which may be personal itself."""
    if not node.action:
        return _compile(node)
    action = node.action

    def visit(container: Any, key: Any, value: Any, hits: list[Hit]) -> None:
        if value is not None:
            hits.append((container, key, action))

    return visit


def _misplaced(container: Any, key: Any, value: Any, hits: list[Hit]) -> None:
    """Another shape than declared on the way to personal data may hold that data anywhere: all of it goes."""
    nothing = value is None or type(value) is bool or value in ("", [], {})
    if not nothing and container is not None:
        hits.append((container, key, "hmac"))


def _covers(contract: Contract) -> bool:
    """Whether a path of the envelope leads to personal data, into it, or to what may stand in its place."""
    envelope = contract.envelope
    paths = [parse_path(path) for path in (envelope.identity, envelope.kind, envelope.time) if path]
    places = [[_folded_step(step) for step in path] for path in paths]
    personal = [[_folded_step(step) for step in rule.steps] for rule in contract.personal]
    return any(place[: len(steps)] == steps[: len(place)] for place in places for steps in personal)


def _folded_step(step: Step) -> Step:
    return _folded(step) if isinstance(step, str) else step
