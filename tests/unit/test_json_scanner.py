"""JSON arrays are cut at their commas, whatever they hold and wherever a chunk ends."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.landing.json_scanner import ArrayScanner, ValueScanner

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('[]{},:"\\ \nax\u2028ü'), max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


def scanned(text: bytes, sizes: list[int]) -> tuple[list[bytes], ArrayScanner]:
    """The elements of a text that comes in chunks of these sizes, and the scanner after them."""
    scanner, found, at = ArrayScanner(), [], 0
    for size in [*sizes, len(text) + 1]:
        found += scanner.feed(text[at : at + size])
        at += size
    return found, scanner


@given(st.lists(VALUES, max_size=6), st.lists(st.integers(1, 9), max_size=40), st.sampled_from([None, 2]))
def test_elements_are_those_of_the_array(values: list[Any], sizes: list[int], indent: int | None) -> None:
    """Every element comes as it stands, in order, and the end is noticed."""
    found, scanner = scanned(f" {json.dumps(values, indent=indent)} \n".encode(), sizes)
    assert [json.loads(element) for element in found] == values
    assert scanner.ended
    assert not scanner.broken


@given(st.lists(VALUES, min_size=1, max_size=4), st.data())
def test_an_array_that_is_cut_has_not_ended(values: list[Any], data: st.DataObject) -> None:
    """At whatever byte it ends early."""
    text = json.dumps(values).encode()
    cut = data.draw(st.integers(0, len(text) - 1))
    assert not scanned(text[:cut], [3])[1].ended


@given(st.lists(VALUES, max_size=3), st.sampled_from(["]", "[1]", "{}", "x", ","]))
def test_what_stands_behind_the_end_is_noticed(values: list[Any], more: str) -> None:
    """Nothing may."""
    assert scanned(f"{json.dumps(values)} {more}".encode(), [5])[1].broken


@pytest.mark.parametrize("make", [ArrayScanner, partial(ArrayScanner, ("a",)), ValueScanner])
@pytest.mark.parametrize("inside", [b"x" * 4001, b"\\\\" * 2001, b'\\"' * 2001, b"[{,}]" * 800])
def test_a_long_string_is_read_once(make: Callable[[], ArrayScanner | ValueScanner], inside: bytes) -> None:
    """However many chunks it comes in: each is read to its end, but for half an escape."""
    scanner = make()
    text = b'[{"v": "' + inside + b'"}]'
    if isinstance(scanner, ArrayScanner) and scanner._path:
        text = b'{"a": ' + text + b"}"
    found = []
    for at in range(0, len(text), 7):
        found += scanner.feed(text[at : at + 7])
        assert len(scanner._data) - scanner._at <= 1
    assert len(found) == 1
    assert scanner.ended
    assert not scanner.broken
