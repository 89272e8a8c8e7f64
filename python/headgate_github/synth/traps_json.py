"""Traps for whoever parses: lines that cannot land, and lines that only look like it."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from headgate_github.synth.trap_kit import PLACEHOLDER, Kit, TrapLine, put, put_value


def _spoilt(kit: Kit, raw: bytes) -> TrapLine:
    """A line whose text holds bytes that make it unusable."""
    found, _ = kit.with_text(PLACEHOLDER)
    return TrapLine(put(orjson.dumps(found), raw), "rejected")


def nul_escape(kit: Kit) -> Iterator[TrapLine]:
    """The escape of U+0000, beside personal data and without; and an escaped backslash before `u0000`."""
    found, facts = kit.with_text(PLACEHOLDER)
    yield TrapLine(put(orjson.dumps(found), rb"before\u0000after"), "typed", facts, repaired=True)
    found, facts = kit.without_personal_data()
    yield TrapLine(put(orjson.dumps(found), rb"\u0000"), "typed", facts, repaired=True)
    found, facts = kit.without_personal_data()
    yield TrapLine(put(orjson.dumps(found), rb"a \\u0000 in source code"), "typed", facts)


def malformed(kit: Kit) -> Iterator[TrapLine]:
    """Not JSON, in five ways; the third is accepted by Python's own parser."""
    for spoil in (
        lambda line: line[:-1] + b",}",
        lambda line: line.replace(b'"', b"'"),
        lambda line: line[:-1] + b',"score":NaN}',
        lambda line: b"\xef\xbb\xbf" + line,
        lambda line: b"upstream request timeout",
    ):
        found, _ = kit.record("WatchEvent")
        yield TrapLine(spoil(orjson.dumps(found)), "rejected")


def truncated_line(kit: Kit) -> Iterator[TrapLine]:
    """A record that ends in the middle."""
    line = orjson.dumps(kit.record("IssuesEvent")[0])
    yield TrapLine(line[: len(line) // 2], "rejected")


def invalid_utf8(kit: Kit) -> Iterator[TrapLine]:
    """Bytes that are no UTF-8: a stray one, and a surrogate written as three bytes."""
    yield _spoilt(kit, b"caf\xe9 \xff")
    yield _spoilt(kit, b"\xed\xa0\xbd")


def control_character(kit: Kit) -> Iterator[TrapLine]:
    """Raw control characters inside a string."""
    yield _spoilt(kit, b"bell \x07")
    yield _spoilt(kit, b"tab \x09 not escaped")


def lone_surrogate(kit: Kit) -> Iterator[TrapLine]:
    """Half of a surrogate pair, and a pair in the wrong order."""
    yield _spoilt(kit, rb"half \ud83d")
    yield _spoilt(kit, rb"turned \ude00\ud83d")


def deep_nesting(kit: Kit) -> Iterator[TrapLine]:
    """Nested 20,000 deep, which PostgreSQL refuses; 2,000 deep, which it takes and Python parsers do not."""
    found, _ = kit.without_personal_data()
    yield TrapLine(put_value(orjson.dumps(found), b"[" * 20_000 + b"]" * 20_000), "rejected")
    found, facts = kit.without_personal_data()
    found["payload"]["description"] = None
    found["extra"] = PLACEHOLDER
    yield TrapLine(put_value(orjson.dumps(found), b"[" * 2_000 + b"]" * 2_000), "typed", facts)


def huge_number(kit: Kit) -> Iterator[TrapLine]:
    """1e400000, which PostgreSQL refuses, and 1e400, which it takes and most parsers do not."""
    for raw in (b"1e400000", b"1e400"):
        found, facts = kit.without_personal_data()
        found["payload"]["description"] = None
        found["extra"] = PLACEHOLDER
        line = put_value(orjson.dumps(found), raw)
        yield TrapLine(line, "typed", facts) if raw == b"1e400" else TrapLine(line, "rejected")


def blank_line(_kit: Kit) -> Iterator[TrapLine]:
    """Nothing, and nothing but spaces."""
    yield TrapLine(b"", "rejected")
    yield TrapLine(b"   ", "rejected")


def concatenated(kit: Kit) -> Iterator[TrapLine]:
    """Two records without a line break between them, as in 2012: they count as two lines and both land."""
    (first, facts), (second, second_facts) = kit.record("WatchEvent"), kit.record("ForkEvent")
    yield TrapLine(orjson.dumps(first) + orjson.dumps(second), "typed", facts, second=second_facts)


def not_an_object(kit: Kit) -> Iterator[TrapLine]:
    """JSON, but no record: an array, a string, a number."""
    number = kit.hour * 100 + kit.rng.getrandbits(6)
    for line in (orjson.dumps([number]), orjson.dumps(f"hour {number}"), str(number).encode()):
        yield TrapLine(line, "rejected")


def line_separator(kit: Kit) -> Iterator[TrapLine]:
    """Raw U+2028, U+2029 and U+0085 inside strings: no line ends there."""
    found, facts = kit.with_text("one\u2028two\u2029three\u0085four")
    yield TrapLine(orjson.dumps(found), "typed", facts)


def long_line(kit: Kit) -> Iterator[TrapLine]:
    """A line of 245 kB."""
    found, facts = kit.with_text(PLACEHOLDER)
    line = orjson.dumps(found)
    missing = 245_000 - len(put(line, b""))
    yield TrapLine(put(line, (b"the water is high " * 20_000)[:missing]), "typed", facts)


def huge_string(kit: Kit) -> Iterator[TrapLine]:
    """One string of 5 MB."""
    found, facts = kit.record("CreateEvent")
    text = kit.world.prose
    found["payload"]["description"] = (text * (5_000_000 // len(text) + 1))[:5_000_000]
    yield TrapLine(orjson.dumps(found), "typed", facts)
