"""Turns lines into rows of the landing table, rejects and repairs, in one parse per line.

A line that orjson takes and that holds no personal data lands as the bytes it came in. Everything else is
rare and goes the slow, exact way. Objects on one line with no newline between them (2012) are a line each.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import methodcaller
from typing import Any

import orjson

from headgate.contract import Envelope, parse_path
from headgate.landing import lossless_json
from headgate.landing.copyformat import (
    JSONB_VERSION,
    NULL,
    Spool,
    pack_record,
    pack_row,
    pack_text,
)
from headgate.landing.keeping import Kept
from headgate.landing.memory import LARGE, heed_memory, require_room
from headgate.landing.privacy import Minimiser
from headgate.landing.times import TimeEncoder

NUL = b"\\u0000"
FINGERPRINT = b"md5:"
NO_OBJECT, SEVERAL = "not an object", "more than one JSON value"
#: Bytes of an identity: an index of PostgreSQL holds no larger value that cannot be compressed.
LONGEST_IDENTITY = 2_600
LONG_IDENTITY = f"identity of more than {LONGEST_IDENTITY} bytes"
NUL_REPAIR = "removed \\u0000"
CACHE_LIMIT = 100_000

#: Faster than `NUL in block`, which every block pays for.
_NUL = re.compile(re.escape(NUL))
#: \u0000 as an escape of its own: behind an even number of backslashes.
_NUL_ESCAPE = re.compile(rb"(?<!\\)((?:\\\\)*+)\\u0000")
#: What orjson says about a line, and the reason that a reject gets.
_REASONS = (
    ("surrogate in string", "lone surrogate"),
    ("end of data", "truncated JSON"),
    ("end of hex escape", "truncated JSON"),
    ("control character", "raw control character"),
    ("depth limit", "nesting too deep"),
    ("infinity", "number out of range"),
    ("byte order mark", "byte order mark"),
    ("escape", "invalid escape"),
)


@dataclass(slots=True)
class Tally:
    """What became of the lines so far."""

    lines: int = 0
    landed: int = 0
    repaired: int = 0


class Screen:
    """Screens the lines of one load."""

    def __init__(
        self,
        load_id: int,
        envelope: Envelope,
        minimiser: Minimiser,
        *,
        time_type: str = "timestamp",
        lines_before: int = 0,
    ) -> None:
        self.tally = Tally(lines=lines_before)
        self.rejects = Spool(load_id)
        #: Why lines were rejected, and how many.
        self.reasons: Counter[str] = Counter()
        self.repairs = Spool(load_id)
        self._load_id = load_id
        self._minimiser = minimiser
        self._identity = _getter(envelope.identity)
        self._kind = _getter(envelope.kind)
        self._time = _getter(envelope.time)
        self._kinds: dict[str, bytes] = {}
        self._encode_time = TimeEncoder(time_type).encode
        self._rereads_envelope = minimiser.covers_envelope

    def rows(self, block: bytes) -> list[bytes]:
        """The rows of a block of whole lines, `copyformat.PARTS` byte strings each."""
        parts: list[bytes] = []
        add, loads, suspicious = self._add, orjson.loads, _NUL.search(block)
        if len(block) > LARGE:
            require_room(block)
        for line in io.BytesIO(block):
            try:
                record = loads(line)
            except orjson.JSONDecodeError as error:
                heed_memory(error)
                self._salvage(line.removesuffix(b"\n"), parts)
                continue
            if suspicious and NUL in line:
                self._repair(line, record, parts)
            else:
                add(line, line, record, parts)
        return parts

    def message(self, body: bytes) -> list[bytes]:
        """The row of one message, which may hold newlines; none when it is a reject."""
        return self.messages((body,))

    def messages(self, bodies: Iterable[bytes]) -> list[bytes]:
        """The rows of messages; as `rows`, but each may hold newlines."""
        parts: list[bytes] = []
        add, loads = self._add, orjson.loads
        for body in bodies:
            if len(body) > LARGE:
                require_room(body)
            try:
                record = loads(body)
            except orjson.JSONDecodeError as error:
                heed_memory(error)
                self._salvage(body, parts)
                continue
            if NUL in body:
                self._repair(body, record, parts)
            else:
                add(body, body, record, parts)
        return parts

    def reject(self, line: bytes, reason: str) -> None:
        """Counts the next line as one that cannot land, and keeps of it what the contract allows."""
        self.tally.lines += 1
        self._reject(self.tally.lines, reason, self._minimiser.keep(line.removesuffix(b"\n")))

    def refuse(self, body: bytes) -> None:
        """Rejects what is not one JSON object as a whole, whatever stands in it."""
        complaint = _complaint(body)
        reason = _reason(body, complaint) or SEVERAL if complaint else NO_OBJECT
        self.reject(body, reason)

    def reject_fields(self, fields: Sequence[str], reason: str) -> None:
        """The same for fields that have no names."""
        self.reject(orjson.dumps(list(fields)), reason)

    def reject_record(self, text: bytes, reason: str) -> None:
        """Keeps a record that is JSON and cannot land all the same."""
        record = orjson.loads(text)
        kind = self._kind(record)
        kept = self._minimiser.minimise(text, record, kind if type(kind) is str else None)
        self.tally.lines += 1
        self._reject(self.tally.lines, reason, self._minimiser.keep_minimised(kept))

    def reject_row(self, line_number: int, text: bytes, reason: str) -> None:
        """Keeps the record of a row that was landed, as it was to land, and PostgreSQL refused."""
        self.tally.landed -= 1
        self._reject(line_number, reason, self._minimiser.keep_minimised(text.removesuffix(b"\n")))

    def _reject(self, line_number: int, reason: str, kept: Kept) -> None:
        self.reasons[reason] += 1
        self.rejects.add(line_number, reason, kept)

    def close(self) -> None:
        """Frees what the load held."""
        self.rejects.close()
        self.repairs.close()

    def _add(
        self, line: bytes, delivered: bytes, record: Any, parts: list[bytes], inexact: bool = False
    ) -> None:
        """Adds the row of a parsed line."""
        if type(record) is not dict:
            self.reject(delivered, NO_OBJECT)
            return
        identity, kind = self._identity(record), self._kind(record)
        if type(kind) is not str:
            kind = None
        minimiser, tally = self._minimiser, self.tally
        try:
            text = (
                minimiser.minimise_exactly(line, kind) if inexact else minimiser.minimise(line, record, kind)
            )
            if self._rereads_envelope:
                record, identity, kind = self._envelope_of(text)
        except lossless_json.OutOfRangeError as error:
            self.reject(delivered, _exact_reason("", error))
            return
        tally.lines += 1
        # Cheap cases first: this runs for every line.
        plain = type(identity) is str and identity
        key = identity.encode() if plain else self._identify(identity, delivered)
        if len(key) > LONGEST_IDENTITY:
            self._reject(tally.lines, LONG_IDENTITY, minimiser.keep_minimised(text))
            return
        tally.landed += 1
        parts += (
            pack_row(6, 8, self._load_id, 4, tally.lines, len(key)),
            key,
            NULL if kind is None else self._kinds.get(kind) or self._encode_kind(kind),
            self._encode_time(self._time(record)),
            pack_record(len(text) + 1, JSONB_VERSION),
            text,
        )

    def _envelope_of(self, text: bytes) -> tuple[Any, Any, str | None]:
        """A record as it lands, with the identity and the kind that it has then."""
        record = lossless_json.loads(text.decode())
        kind = self._kind(record)
        return record, self._identity(record), kind if type(kind) is str else None

    def _repair(self, line: bytes, record: Any, parts: list[bytes], *, inexact: bool = False) -> None:
        r"""Adds a line that may hold \u0000 escapes, without them."""
        repaired = _NUL_ESCAPE.sub(rb"\1", line)
        if repaired == line or type(record) is not dict:
            self._add(line, line, record, parts, inexact=inexact)
            return
        again = lossless_json.loads(repaired.decode()) if inexact else orjson.loads(repaired)
        landed = self.tally.landed
        self._add(repaired, line, again, parts, inexact=inexact)
        if self.tally.landed > landed:
            self.tally.repaired += 1
            self.repairs.add(self.tally.lines, NUL_REPAIR, self._minimiser.keep(line.removesuffix(b"\n")))

    def _salvage(self, line: bytes, parts: list[bytes]) -> None:
        """Adds what can land of a line that orjson does not take, and rejects the rest."""
        reason = _reason(line, _complaint(line))
        if reason is not None and reason not in ("nesting too deep", "number out of range"):
            self.reject(line, reason)
            return
        found, rest, error = lossless_json.loads_many(line.decode())
        if found and not (all(type(record) is dict for record, _ in found) and rest[:1] in ("", "{")):
            self.reject(line, SEVERAL)
            return
        for record, text in found:
            self._add_exact(text.encode(), record, parts)
        if rest:
            self.reject(rest.encode(), _exact_reason(rest, error))

    def _add_exact(self, line: bytes, record: Any, parts: list[bytes]) -> None:
        """Adds one JSON value that the exact parser read, which takes lone surrogates too."""
        if _complaint(line) and _has_lone_surrogate(record):
            self.reject(line, "lone surrogate")
        elif NUL in line:
            self._repair(line, record, parts, inexact=True)
        else:
            self._add(line, line, record, parts, inexact=True)

    def _identify(self, identity: Any, delivered: bytes) -> bytes:
        """The record's identity, or a fingerprint of the line as it was delivered."""
        if type(identity) is int or isinstance(identity, lossless_json.Number):
            return str(identity).encode()
        return FINGERPRINT + self._minimiser.fingerprint(delivered.removesuffix(b"\n")).encode()

    def _encode_kind(self, kind: str) -> bytes:
        if len(self._kinds) >= CACHE_LIMIT:
            self._kinds.clear()
        found = self._kinds[kind] = pack_text(kind)
        return found


def _getter(path: str | None) -> Callable[[dict[str, Any]], Any]:
    """Takes the value at a path of plain keys from a record; nothing where no path is declared."""
    if path is None:
        return lambda _: None
    keys = [str(step) for step in parse_path(path)]
    if len(keys) == 1:
        key = keys[0]
        return methodcaller("get", key)
    return lambda record: reduce(_step, keys, record)


def _step(value: Any, key: str) -> Any:
    return value.get(key) if type(value) is dict else None


def _complaint(line: bytes | str) -> str:
    """What orjson says about a line; nothing when it takes it."""
    try:
        orjson.loads(line)
    except orjson.JSONDecodeError as error:
        heed_memory(error)
        return str(error)
    return ""


def _reason(line: bytes, complaint: str) -> str | None:
    """Why orjson does not take a line; None when it may be several JSON values."""
    if not line.strip():
        return "blank line"
    try:
        line.decode()
    except UnicodeDecodeError:
        return "invalid UTF-8"
    if "after document" in complaint:
        return None
    return next((reason for part, reason in _REASONS if part in complaint), "invalid JSON")


def _exact_reason(rest: str, error: Exception | None) -> str:
    if isinstance(error, RecursionError):
        return "nesting too deep"
    if isinstance(error, lossless_json.OutOfRangeError):
        return "number out of range"
    return _reason(rest.encode(), _complaint(rest)) or "invalid JSON"


def _has_lone_surrogate(record: Any) -> bool:
    try:
        lossless_json.dumps(record)
    except UnicodeEncodeError:
        return True
    return False
