"""The screen: which lines land, in which bytes, and why others are rejected."""

from __future__ import annotations

import hashlib
import json
import struct
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.contract import PathRule, load_contract
from headgate.landing.copyformat import PARTS, line_number_of
from headgate.landing.privacy import Minimiser
from headgate.landing.screen import Screen
from headgate.landing.times import EPOCH, parse_time
from tests.examples import examples
from tests.support import ROOT

#: Of lines that hold no personal data, all is kept.
CONTRACT = replace(load_contract(ROOT, "gharchive", "events"), paths=())


@dataclass
class Screened:
    """What the screen made of some lines."""

    rows: list[tuple[int, bytes, bytes | None, datetime | None, bytes]]
    rejects: list[tuple[int, str, bytes]]
    repairs: list[tuple[int, str, bytes]]


def screen(content: bytes) -> Screened:
    """Screens content, and reads what it wrote for COPY."""
    screened = Screen(7, CONTRACT.envelope, Minimiser(CONTRACT, b"key"))
    parts = screened.rows(content)
    rows = [read_row(parts[start : start + PARTS]) for start in range(0, len(parts), PARTS)]
    tally = screened.tally
    assert tally.landed == len(rows)
    assert tally.lines == tally.landed + screened.rejects.rows
    assert tally.repaired == screened.repairs.rows
    kept = [read_spool(spool.finish().read()) for spool in (screened.rejects, screened.repairs)]
    screened.close()
    return Screened(rows, *kept)


def read_fields(data: bytes) -> tuple[list[bytes | None], bytes]:
    """The fields of the next row of a binary COPY, and what follows it."""
    (count,), data = struct.unpack(">h", data[:2]), data[2:]
    fields: list[bytes | None] = []
    for _ in range(count):
        (length,), data = struct.unpack(">i", data[:4]), data[4:]
        fields.append(None if length < 0 else data[:length])
        data = data[max(length, 0) :]
    return fields, data


def read_row(parts: list[bytes]) -> tuple[int, bytes, bytes | None, datetime | None, bytes]:
    """Line number, identity, kind, time and record of a landing row."""
    fields, rest = read_fields(b"".join(parts))
    load_id, number, identity, kind, time, record = fields
    assert (rest, load_id, number) == (b"", struct.pack(">q", 7), struct.pack(">i", line_number_of(parts)))
    assert identity is not None
    assert record is not None
    assert record[:1] == b"\x01"
    moment = None if time is None else EPOCH + (EPOCH.resolution * struct.unpack(">q", time)[0])
    return line_number_of(parts), identity, kind, moment, record[1:]


def read_spool(data: bytes) -> list[tuple[int, str, bytes]]:
    """The rows of a COPY of rejects or repairs."""
    data, found = data[19:], []
    while data != b"\xff\xff":
        (_, number, text, line, stored_as, size, _), data = read_fields(data)
        assert number is not None
        assert text is not None
        assert line is not None
        assert (stored_as, size) == (b"verbatim", struct.pack(">i", len(line)))
        found.append((struct.unpack(">i", number)[0], text.decode(), line))
    return found


def test_a_good_line_lands_as_it_came() -> None:
    """Bytes, spacing and number formats of a line without personal data are untouched."""
    line = b'{"id": "1", "type":"WatchEvent","created_at":"2016-01-01T01:02:03Z","n":1.10, "s":"\\u00e9"}'
    found = screen(line + b"\n")
    assert found.rows == [(1, b"1", b"WatchEvent", datetime(2016, 1, 1, 1, 2, 3, tzinfo=UTC), line + b"\n")]
    assert not found.rejects


REJECTED = {
    "truncated JSON": b'{"id":"1","type":"PushEv',
    "invalid UTF-8": b'{"id":"\xff"}',
    "lone surrogate": b'{"id":"\\ud800"}',
    "raw control character": b'{"id":"a\x01"}',
    "not an object": b"[1,2]",
    "blank line": b"   ",
    "number out of range": b'{"id":"1","n":1e400000}',
    "nesting too deep": b'{"a":' + b"[" * 60_000 + b"]" * 60_000 + b"}",
    "byte order mark": b'\xef\xbb\xbf{"id":"1"}',
    "invalid escape": b'{"id":"\\x"}',
    "invalid JSON": b'{"id":NaN}',
    "more than one JSON value": b'{"id":"1"} 7',
}


@pytest.mark.parametrize("reason", REJECTED)
def test_what_is_not_json_is_kept_with_its_reason(reason: str) -> None:
    """A bad line between good ones is rejected verbatim, under its number; its neighbours land."""
    good = b'{"id":"1"}'
    found = screen(b"\n".join((good, REJECTED[reason], good)))
    assert found.rejects == [(2, reason, REJECTED[reason])]
    assert [row[0] for row in found.rows] == [1, 3]


TAKEN = {
    "a number beyond double": b'{"id":"1","n":1e400}',
    "a number of 5,000 digits": b'{"id":"1","n":' + b"9" * 5000 + b"}",
    "5,000 arrays": b'{"id":"1","d":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "3,000 objects": b'{"id":"1","d":' + b'{"a":' * 3000 + b"1" + b"}" * 3000 + b"}",
    "a string of 5 MB": b'{"id":"1","s":"' + b"x" * 5_000_000 + b'"}',
    "odd characters": b'{"id":"1","s":"\\ud83d\\ude00 \xe2\x80\xa8 \\\\u0000"}',
}


@pytest.mark.parametrize("name", TAKEN)
def test_what_postgresql_takes_lands(name: str) -> None:
    """Huge numbers, deep nesting, long strings, surrogate pairs and U+2028 land as the bytes they came in."""
    found = screen(TAKEN[name])
    assert [(row[1], row[4]) for row in found.rows] == [(b"1", TAKEN[name])]


def test_null_characters_are_removed_and_the_line_is_kept() -> None:
    """Real NUL escapes go, escaped backslashes before u0000 stay, and the original is kept."""
    line = b'{"id":"a\\u0000\\u0000b","s":"\\\\u0000 \\\\\\u0000","type":"\\u0000"}'
    found = screen(line + b"\n")
    assert found.repairs == [(1, "removed \\u0000", line)]
    assert found.rows[0][1:3] == (b"ab", b"")
    assert json.loads(found.rows[0][4]) == {"id": "ab", "s": "\\u0000 \\", "type": ""}


def test_a_repaired_line_that_is_rejected_all_the_same_is_no_repair() -> None:
    """It is counted once, as what became of it."""
    contract = replace(CONTRACT, paths=(PathRule("name", "string", pii="hmac"),))
    with closing(Screen(7, contract.envelope, Minimiser(contract, b"key"))) as screened:
        assert screened.rows(b'{"name":"Ann","s":"\\u0000","n":1e-20000}') == []
        assert (screened.tally.lines, screened.tally.landed, screened.tally.repaired) == (1, 0, 0)
        assert (screened.rejects.rows, screened.repairs.rows) == (1, 0)
        assert screened.reasons == {"number out of range": 1}


def test_null_characters_and_huge_numbers_in_one_line() -> None:
    """The exact way repairs too."""
    found = screen(b'{"id":"1","s":"\\u0000","n":1e400}')
    assert found.rows[0][4] == b'{"id":"1","s":"","n":1e400}'
    assert len(found.repairs) == 1


def test_objects_without_a_newline_between_them_are_lines_of_their_own() -> None:
    """Concatenated objects land one by one; what is broken behind them is a reject."""
    found = screen(b'{"id":"1"}{"id":"2"} {"id":"3"}{"id":\n{"id":"4"}\n')
    assert [(row[0], row[1], row[4].strip()) for row in found.rows] == [
        (1, b"1", b'{"id":"1"}'),
        (2, b"2", b'{"id":"2"}'),
        (3, b"3", b'{"id":"3"}'),
        (5, b"4", b'{"id":"4"}'),
    ]
    assert found.rejects == [(4, "truncated JSON", b'{"id":')]


@pytest.mark.parametrize("identity", ["null", '""', "true", "{}", "1.5", "[]"])
def test_a_record_without_identity_is_known_by_its_bytes(identity: str) -> None:
    """The fingerprint is that of the line as delivered."""
    line = f'{{"id":{identity}}}'.encode()
    expected = b"md5:" + hashlib.md5(line).hexdigest().encode()
    assert [row[1] for row in screen(line + b"\n").rows] == [expected]


def test_envelope_values_of_other_types() -> None:
    """A whole number is an identity; a kind or a time of another type is null."""
    assert screen(b'{"id":12,"type":3,"created_at":[]}').rows[0][:4] == (1, b"12", None, None)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2016-01-01T01:00:00Z", datetime(2016, 1, 1, 1, tzinfo=UTC)),
        ("2012-04-11T15:01:33-07:00", datetime(2012, 4, 11, 22, 1, 33, tzinfo=UTC)),
        ("2012/04/11 15:01:33 -0700", datetime(2012, 4, 11, 22, 1, 33, tzinfo=UTC)),
        ("2012-04-11T15:01:33.123456789Z", datetime(2012, 4, 11, 15, 1, 33, 123457, tzinfo=UTC)),
        ("2012-04-11 15:01:33", datetime(2012, 4, 11, 15, 1, 33, tzinfo=UTC)),
        ("2012-13-11T15:01:33Z", None),
        ("2012-04-11", datetime(2012, 4, 11, tzinfo=UTC)),
        ("yesterday", None),
        ("", None),
        ("0001-01-01T00:00:00+23:59", None),
    ],
)
def test_times_of_every_generation(text: str, expected: datetime | None) -> None:
    """Times are read in the forms of all generations; others are null, never an error."""
    assert parse_time(text) == expected


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=examples(50), deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=3))
def test_every_json_object_lands_or_says_why(records: list[dict[str, object]]) -> None:
    """Any objects that json writes land, one row each, with nothing changed but NUL characters."""
    texts = [json.dumps(record, ensure_ascii=False).encode("utf-8", "surrogatepass") for record in records]
    found = screen(b"".join(text + b"\n" for text in texts))
    assert len(found.rows) + len(found.rejects) == len(records)
    assert not [reason for _, reason, _ in found.rejects if reason != "invalid UTF-8"]


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_accounted_for(content: bytes) -> None:
    """Bytes of any kind become rows and rejects, never an exception."""
    screen(content)


@pytest.mark.parametrize("identity", ["x" * 2_601, "é" * 1_301, "9" * 2_700])
def test_an_identity_that_no_index_holds_is_a_reject(identity: str) -> None:
    """It would stop the build of its whole load: an index takes no larger value. Also of digits."""
    number = identity.isdecimal()
    long = json.dumps({"id": "NUMBER" if number else identity}, ensure_ascii=False)
    line = long.replace('"NUMBER"', identity).encode()
    screened = screen(b'{"id": "1"}\n' + line + b'\n{"id": "2"}\n')
    assert [row[0] for row in screened.rows] == [1, 3]
    assert [(number, reason) for number, reason, _ in screened.rejects] == [
        (2, "identity of more than 2600 bytes")
    ]


def test_the_longest_identity_lands() -> None:
    """As long as an index takes it whatever it holds."""
    assert len(screen(json.dumps({"id": "x" * 2_600}).encode()).rows) == 1
