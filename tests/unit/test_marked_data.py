"""Marked names and addresses in valid and spoilt lines: nothing that a load writes holds them in clear."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.contract import load_contract
from headgate.landing.privacy import Minimiser
from headgate.landing.screen import Screen
from tests.examples import examples
from tests.marked import LINES, SPOILT, all_lines, is_marked, spoilt
from tests.support import ROOT

CONTRACT = load_contract(ROOT, "gharchive", "events")
KEY = b"key"


def written(content: bytes, policy: str | None = None) -> bytes:
    """All that a load of these bytes writes of rejects and repairs."""
    contract = replace(CONTRACT, rejected_lines=policy) if policy else CONTRACT
    with closing(Screen(7, contract.envelope, Minimiser(contract, KEY))) as screen:
        rows = b"".join(screen.rows(content))
        kept = screen.rejects.finish().read() + screen.repairs.finish().read()
        assert rows or kept
        return kept


@pytest.mark.parametrize("name", all_lines())
def test_no_form_is_kept_in_clear(name: str) -> None:
    """Neither among rejects nor among repairs."""
    assert not is_marked(written(all_lines()[name] + b"\n"))


@settings(max_examples=examples(150), deadline=None)
@given(st.data())
def test_no_line_cut_anywhere_is_kept_in_clear(data: st.DataObject) -> None:
    """Spoilt in two ways at once, cut at both ends, with bytes put anywhere."""
    carrier = data.draw(st.sampled_from(sorted(LINES)))
    short = [name for name in sorted(SPOILT) if "deep" not in name]
    line = spoilt(data.draw(st.sampled_from(short)), carrier)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(line))] * 2)))
    place, put = data.draw(st.integers(0, len(line))), data.draw(st.binary(max_size=3))
    line = data.draw(
        st.sampled_from([line[start:end], line[:end], line[start:], line[:place] + put + line[place:]])
    )
    policy = data.draw(st.sampled_from([None, "encrypt"]))
    assert not is_marked(written(b'{"id":"1"}\n' + line + b"\n", policy))
