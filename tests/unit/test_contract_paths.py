"""Paths of contracts: keys of every kind have one spelling, and read back as they are."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.contract import EACH, format_path, parse_path
from headgate.contract.paths import leading_path
from headgate.contract.reads import paths_read

KEYS = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12
) | st.sampled_from(
    [
        "Order ID",
        "e.mail",
        "a[1]",
        'say "x"',
        "back\\slash",
        "{{ x }}",
        "",
        "'",
        "\\",
        '\\"',
        "a\\u0041",
        "é\u2028",
    ]
)
STEPS = st.lists(KEYS, min_size=1, max_size=3).flatmap(
    lambda keys: st.lists(st.sampled_from([EACH, 0, 12]), max_size=2).map(
        lambda brackets: (keys[0], *brackets, *keys[1:])
    )
)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("payload.commits[].author.email", ("payload", "commits", EACH, "author", "email")),
        ("payload.shas[][1]", ("payload", "shas", EACH, 1)),
        ('"Order ID"', ("Order ID",)),
        ('customer."e.mail"', ("customer", "e.mail")),
        ('items[]."a b"', ("items", EACH, "a b")),
        ('"amounts [USD]"[2]."\\"net\\""', ("amounts [USD]", 2, '"net"')),
        ('"\\u007b\\u007b name }}"', ("{{ name }}",)),
        ('""', ("",)),
    ],
)
def test_paths_are_read_and_written(text: str, steps: tuple[str | int | None, ...]) -> None:
    """A path's steps, and the path of these steps."""
    assert parse_path(text) == steps
    assert format_path(steps) == text


@given(STEPS)
def test_every_key_comes_back(steps: tuple[str | int | None, ...]) -> None:
    """Whatever a key holds, its path reads back as it was, holds no Jinja and stands on one line."""
    path = format_path(steps)

    assert parse_path(path) == steps
    assert "{" not in path
    assert "\n" not in path
    assert leading_path(f"{path} (push, pull)") == path


@pytest.mark.parametrize(
    "text", ["", "a..b", "a b", '"a', 'a"b', "a\\b", "[0]", "a[x]", '"a"b', "a.", '"\\x"']
)
def test_what_is_no_path_is_refused(text: str) -> None:
    """A key that needs quotes has to have them."""
    with pytest.raises(ValueError):  # noqa: PT011
        parse_path(text)


def test_another_spelling_is_the_same_path() -> None:
    """Quotes that a key does not need, and escapes, lead to the same steps."""
    assert format_path(parse_path('"a"."\\u0062"')) == "a.b"


ODD = r"""
    cross join lateral {{ json_fields('records.record') }} as root (
        "Order, ID" text, -- "not this" text
        "say ""x"" (y)" numeric(4, 2), "{{ '{' }}{ z }}" text,
        "e.mail" jsonb
    )
    cross join
        lateral {{ json_elements('root."e.mail"') }}
            as "values" (
                element,
                position
            )
    select "values".element ->> 3
"""


def test_odd_keys_are_found_in_models() -> None:
    """Commas, quotes, brackets, Jinja, remarks and line breaks are read as SQL reads them."""
    assert paths_read(ODD) == {
        '"Order, ID"',
        '"say \\"x\\" (y)"',
        '"\\u007b\\u007b z }}"',
        '"e.mail"',
        '"e.mail"[]',
        '"e.mail"[][3]',
    }
