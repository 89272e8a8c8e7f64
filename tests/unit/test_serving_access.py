"""Who may ask a server, and how often."""

from __future__ import annotations

import pytest

from headgate.serving import keys
from headgate.serving.access import Access
from headgate.serving.refusals import Refusal


@pytest.mark.parametrize(
    ("headers", "is_taken"),
    [
        ({"host": "127.0.0.1:8766"}, True),
        ({"host": "localhost"}, True),
        ({"host": "[::1]:8766", "origin": "http://localhost:3000"}, True),
        ({"host": "rebound.example:8766"}, False),
        ({"host": "127.0.0.1.example"}, False),
        ({"host": "127.0.0.1:8766", "origin": "https://page.example"}, False),
        ({"host": "127.0.0.1:8766", "origin": "null"}, False),
        ({"host": "[::1"}, False),
    ],
)
def test_pages_from_elsewhere_get_nothing_without_a_key(headers: dict[str, str], is_taken: bool) -> None:
    """A browser of this machine asks in the name of a page: by a name that leads here, or across origins."""
    access = Access(is_open=True, fixed={}, rate=None)
    if is_taken:
        access.require(headers, "predict")
        return
    with pytest.raises(Refusal) as refused:
        access.require(headers, "predict")
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("headers", "is_taken"),
    [
        ({"authorization": "Bearer hg_a"}, True),
        ({"authorization": "bearer  hg_a"}, True),
        ({"authorization": "hg_a"}, True),
        ({"x-api-key": "hg_a"}, True),
        ({"authorization": "Basic bm9ib2R5", "x-api-key": "hg_a"}, True),
        ({"authorization": "Basic hg_a"}, False),
        ({"authorization": "Bearer ", "x-api-key": ""}, False),
        ({}, False),
    ],
)
def test_a_key_is_found_where_clients_put_it(headers: dict[str, str], is_taken: bool) -> None:
    """As a token, whose scheme is named in any case, or in a header of its own beside a proxy's login."""
    fixed = {keys.digest("hg_a"): keys.ApiKey(name="a", scopes=frozenset({"predict"}))}
    access = Access(is_open=False, fixed=fixed, rate=None)
    if is_taken:
        assert access.require_scope(headers, "predict") == "a"
    else:
        with pytest.raises(Refusal, match="API key"):
            access.require_scope(headers, "predict")


def test_more_requests_than_the_rate_are_refused() -> None:
    """With 429; a bucket holds one second's requests."""
    access = Access(is_open=True, fixed={}, rate=3)
    for _ in range(3):
        access.require({}, "predict")
    with pytest.raises(Refusal) as refused:
        access.require({}, "predict")
    assert refused.value.status == 429
