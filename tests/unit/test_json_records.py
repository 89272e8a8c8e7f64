"""Answers of APIs: what of them is a record, in which bytes, when one of them is not JSON."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import HeadgateError
from headgate.pulling.json_records import Answer
from headgate.pulling.record_list import find_list

GOOD = b'{"id":1,"text":"a, [b] {c} \\" \\\\"}'


@pytest.mark.parametrize(
    "bad",
    [
        b'{"v": NaN}',
        b'{"v": -Infinity}',
        b'{"v": 1e400000}',
        b'{"v": .5}',
        b"{'v': 1}",
        b'{"v": "a\nb"}',
        b'{"v": "\\x"}',
        b'{"v": "\xe9"}',
        b"nothing",
        b"",
    ],
)
def test_a_bad_record_costs_itself_only(bad: bytes) -> None:
    """The others come as from a page without it; the cursor is read; landing gets the bad one as it came."""
    page = b'{"page": {"items": [' + GOOD + b" , " + bad + b", " + GOOD + b'], "next": "c2"}, "n": 1.50}'
    answer = Answer(page, "page", ("page", "items"))
    assert answer.has_list
    assert [text for text, _ in answer.records()] == [GOOD, bad, GOOD]
    assert answer.text_at(("page", "next")) == "c2"
    assert answer.text_at(("n",)) == "1.50"
    whole = Answer(page.replace(b" , " + bad + b", ", b", "), "page", ("page", "items"))
    assert {text for text, _ in whole.records()} == {GOOD}


def test_numbers_keep_their_digits_beside_a_bad_record() -> None:
    """A record is the same text with and without a bad neighbour: it is not landed again for that."""
    good = b'{"n":1.10,"m":[1e5, 3]}'
    alone = Answer(b"[" + good + b"]", "page").records()[0][0]
    beside = Answer(b"[" + good + b',{"v":NaN}]', "page").records()[0][0]
    assert alone == beside == b'{"n":1.10,"m":[1e5,3]}'


@pytest.mark.parametrize(
    ("encoding", "charset"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("utf-8-sig", "iso-8859-1"),
        ("latin-1", "iso-8859-1"),
        ("cp1252", "windows-1252"),
        ("utf-16", None),
        ("utf-16", "utf-16"),
        ("utf-32", None),
        ("utf-8", "no-such-charset"),
    ],
)
def test_answers_are_decoded(encoding: str, charset: str | None) -> None:
    """A byte order mark is skipped and believed; else the charset of the header holds."""
    body = json.dumps([{"name": "José"}], ensure_ascii=False).encode(encoding)
    assert Answer(body, "page", (), charset).records()[0][0] == '{"name":"José"}'.encode()


@pytest.mark.parametrize(
    ("body", "path", "has_list"),
    [
        (b"null", (), None),
        (b'{"data": null}', ("data",), None),
        (b'{"data": null}', ("data", "items"), None),
        (b"{}", ("data",), False),
        (b'{"data": []}', ("data", "items"), False),
        (b'{"data": [], "errors": []}', ("data",), True),
        (b'{"data": null, "error": 0, "took": 0.25}', ("data",), None),
    ],
)
def test_what_is_an_empty_page(body: bytes, path: tuple[str, ...], has_list: bool | None) -> None:
    """Null is one wherever it stands on the way; nothing at all may be one."""
    answer = Answer(body, "page", path)
    assert answer.has_list is has_list
    assert answer.records() == []


@pytest.mark.parametrize(
    ("body", "found"),
    [
        (b'{"data": {}}', "an object"),
        (b'{"data": "none"}', "text"),
        (b'{"error": "slow down"}', "an answer with `error`"),
        (b'{"data": null, "errors": [{"message": "x"}]}', "an answer with `errors`"),
    ],
)
def test_what_is_no_empty_page(body: bytes, found: str) -> None:
    """Another shape, or an error that comes with status 200, ends no pull as if all had been read."""
    with pytest.raises(HeadgateError, match=f"a list of records at data of the answer; found {found}"):
        _ = Answer(body, "page", ("data",)).has_list


@pytest.mark.parametrize("body", [b'{"data": [{"id": 1}, {"id"', b"{]", b'[1, "x', b"<html>", b"", b"\xff"])
def test_what_is_no_json_at_all(body: bytes) -> None:
    """A page that is cut off is an error, not the records that arrived."""
    with pytest.raises(HeadgateError, match="an answer in JSON"):
        Answer(body, "page", ("data",)).records()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(st.lists(JSON, max_size=5), st.lists(st.text() | st.integers(0, 2), max_size=3), st.booleans())
def test_the_list_is_found_wherever_it_stands(
    records: list[object], path: list[object], spaced: bool
) -> None:
    """Cutting finds the records that parsing finds."""
    value: object = records
    for step in reversed(path):
        value = {"x": [[]], step: value} if isinstance(step, str) else [[]] * int(str(step)) + [value]
    text = json.dumps(value, indent=1 if spaced else None).encode()
    found = find_list(text, path)
    assert found is not None
    assert [json.loads(record) for record in found.records] == records
    assert json.loads(text[found.start : found.end]) == records
