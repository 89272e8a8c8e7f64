"""Pages that an endpoint leads to itself: by links, cursors and keys of its answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import HeadgateError
from tests.integration.api_server import Reply, Request
from tests.integration.ticket_pages import MOST, emptied, land, page_of, records
from tests.support import Database


@pytest.fixture
def landed(module_database: Database) -> Iterator[Database]:
    """A database in which nothing has landed; the tests of this module share it."""
    yield from emptied(module_database)


def test_a_link_header_is_believed(landed: Database, tmp_path: Path) -> None:
    """Also for pages that are counted here: it says when there is no next one, in whatever spelling."""

    def answer(request: Request) -> Reply:
        page = int(request.params["page"])
        relation = '</t?page=1&q=a,b>; rel="prev first"' + (", </t?p=2>; rel=Next" if page < 5 else "")
        return Reply({"data": page_of(request)}, headers={"Link": relation})

    done, requests, _ = land(landed, tmp_path, answer, pagination={"style": "page"})
    assert (done.rows.landed, len(requests)) == (95, 5)


@pytest.mark.parametrize(
    "link",
    [
        '</t?p=1>; REL=First, </t?p={n}>; title="a, <b>; rel=last"; rel="x next"',
        "</t?p={n}>;rel=next;rel=prev",
        '<?p={n}&q=a,b;c>; media="x\\"y"; Rel = "NEXT", </t?p=9>; rel=next',
    ],
)
def test_links_are_read_as_they_may_be_written(landed: Database, tmp_path: Path, link: str) -> None:
    """Names in any case, quotes or none, marks inside of quotes, the first of two: no page is left out."""

    def answer(request: Request) -> Reply:
        page = int(request.params.get("p", 1))
        headers = {"Link": link.replace("{n}", str(page + 1))} if page < 5 else {}
        return Reply({"data": records((page - 1) * MOST, page * MOST)}, headers=headers)

    done, requests, _ = land(landed, tmp_path, answer, pagination={"style": "link"})
    assert (done.rows.landed, len(requests)) == (95, 5)


@pytest.mark.parametrize(
    "told",
    [
        {"next": {"href": "/t?p=2"}},
        {"next": ["B"]},
        {"next": True},
    ],
)
@pytest.mark.parametrize("style", ["cursor", "next_url"])
def test_what_leads_to_no_page_is_no_end(
    landed: Database, tmp_path: Path, told: dict[str, Any], style: str
) -> None:
    """A path that ends at an object, a list or a flag is told; it is not taken for the last page."""
    with pytest.raises(HeadgateError, match="what leads to the next page at next"):
        land(
            landed,
            tmp_path,
            lambda _: Reply({"data": records(0, 5), **told}),
            pagination={"style": style, "next": "next"},
        )


@pytest.mark.parametrize("amount", [1, 1.5])
def test_a_number_is_no_url_of_a_next_page(landed: Database, tmp_path: Path, amount: float) -> None:
    """The number of the next page is for the style `cursor`."""
    with pytest.raises(HeadgateError, match="found a number"):
        land(
            landed,
            tmp_path,
            lambda _: Reply({"data": [{**record, "amount": amount} for record in records(0, 5)], "next": 2}),
            pagination={"style": "next_url", "next": "next"},
        )


def test_a_cursor_that_waits_for_more_is_the_end(landed: Database, tmp_path: Path) -> None:
    """An empty page that leads to itself says where the next records will stand."""

    def answer(request: Request) -> Reply:
        first = int(request.params.get("cursor", 0))
        found = records(first, first + 50)
        return Reply({"data": found, "next": str(first + len(found))})

    done, requests, _ = land(landed, tmp_path, answer, pagination={"style": "cursor", "next": "next"})
    assert (done.rows.landed, len(requests)) == (95, 3)


@pytest.mark.parametrize("style", ["page", "offset", "cursor"])
def test_empty_pages_without_an_end_are_told(landed: Database, tmp_path: Path, style: str) -> None:
    """Where the API says for ever that there is more: an error after a hundred, not after 10,000."""
    following = iter(range(1, 1000))
    pagination = {"style": style, "has_more": "more", **({"next": "next"} if style == "cursor" else {})}
    with pytest.raises(HeadgateError, match="100 empty pages in a row"):
        land(
            landed,
            tmp_path,
            lambda _: Reply({"data": [], "more": True, "next": next(following)}),
            pagination=pagination,
        )


@pytest.mark.parametrize(
    ("headers", "told"),
    [
        ({"Link": '</tickets?page=2>; rel="next"'}, {}),
        ({}, {"next": "https://api/?page=2"}),
        ({}, {"has_more": True}),
        ({}, {"meta": {"nextCursor": "B"}}),
        ({}, {"_links": {"next": {"href": "/t?p=2"}}}),
    ],
)
def test_a_next_page_that_nobody_declared_is_told(
    landed: Database, tmp_path: Path, headers: dict[str, str], told: dict[str, Any]
) -> None:
    """Without `pagination` one page is read; that the API has more of them is a warning."""
    reply = Reply({"data": records(0, 5), **told}, headers=headers)
    done, _, said = land(landed, tmp_path, lambda _: reply)
    assert done.rows.landed == 5
    assert "no `pagination` is declared" in done.warnings[0]
    assert f"warning: {done.warnings[0]}" in said


@pytest.mark.parametrize(
    ("pagination", "told"),
    [
        ({"style": "cursor", "next": "meta.cursor"}, {"meta": {"next_cursor": "B"}}),
        ({"style": "next_url", "next": "next_uri"}, {"next_url": "/t?p=2"}),
        ({"style": "link"}, {"links": {"next": "/t?p=2"}}),
        ({"style": "cursor", "next": "next"}, {"next": None, "has_more": True}),
    ],
)
def test_a_next_page_in_another_place_than_declared_is_told(
    landed: Database, tmp_path: Path, pagination: dict[str, Any], told: dict[str, Any]
) -> None:
    """A misspelt place looks like the last page; what the API tells elsewhere raises a warning."""
    reply = Reply({"data": records(0, 5), **told})
    done, _, _ = land(landed, tmp_path, lambda _: reply, pagination=pagination)
    assert done.rows.landed == 5
    assert "page 1 is taken as the last" in done.warnings[0]


def test_the_last_page_of_a_right_declaration_raises_no_warning(landed: Database, tmp_path: Path) -> None:
    """Keys that say that there is no next page are no doubt."""
    last = {"meta": {"next_cursor": None, "has_more": False}, "links": {"self": "/t", "next": ""}}
    pagination = {"style": "cursor", "next": "meta.next_cursor"}
    done, _, _ = land(
        landed, tmp_path, lambda _: Reply({"data": records(0, 5), **last}), pagination=pagination
    )
    assert (done.rows.landed, done.warnings) == (5, ())


@pytest.mark.parametrize("amount", [1, 1.5])
def test_flags_may_be_numbers(landed: Database, tmp_path: Path, amount: float) -> None:
    """0 and 1 mean what they mean in any API, also beside records whose numbers keep their digits."""

    def answer(request: Request) -> Reply:
        more = int("cursor" not in request.params)
        found = [{**record, "amount": amount} for record in records(5 - 5 * more, 10 - 5 * more)]
        return Reply({"data": found, "error": 0, "has_more": more, "next": "B", "next_page": 0})

    pagination = {"style": "cursor", "next": "next", "has_more": "has_more"}
    done, requests, _ = land(landed, tmp_path, answer, pagination=pagination)
    assert (done.rows.landed, len(requests), done.warnings) == (10, 2, ())


def test_cursors_that_lead_round_in_a_circle(landed: Database, tmp_path: Path) -> None:
    """A to B to C to A is an error, not 10,000 requests; a next URL that is none is told as such."""
    following = {None: "B", "B": "C", "C": "B"}

    def answer(request: Request) -> Reply:
        return Reply({"data": records(0, 3), "next": following[request.params.get("cursor")]})

    with pytest.raises(HeadgateError, match="another page than before"):
        land(landed, tmp_path, answer, pagination={"style": "cursor", "next": "next"})
    with pytest.raises(HeadgateError, match="the URL of the next page; found text that is no URL"):
        land(
            landed,
            tmp_path,
            lambda _: Reply({"data": [], "next": "http://host:port/"}),
            pagination={"style": "next_url", "next": "next"},
        )


@pytest.mark.parametrize(
    "behind_zero",
    [
        lambda: Reply({"data": records(0, 3), "next": "B"}),
        lambda: Reply({"data": [], "next": 0}),
        lambda: Reply({"data": records(0, 3), "next": 0}),
        lambda: Reply({"data": [], "next": ""}),
        lambda: Reply({"detail": "no such cursor"}, 400),
    ],
    ids=["the first page again", "nothing", "itself", "an empty cursor", "a refusal"],
)
@pytest.mark.parametrize("zero", [0, "0"])
def test_cursor_zero_is_the_end_where_it_leads_back(
    landed: Database, tmp_path: Path, behind_zero: Callable[[], Reply], zero: object
) -> None:
    """Whatever stands behind it: all that came before has landed once, and the pull succeeds."""
    following = {None: "B", "B": zero}

    def answer(request: Request) -> Reply:
        cursor = request.params.get("cursor")
        if cursor == "0":
            return behind_zero()
        first = 0 if cursor is None else 3
        return Reply({"data": records(first, first + 3), "next": following[cursor]})

    done, requests, _ = land(landed, tmp_path, answer, pagination={"style": "cursor", "next": "next"})
    assert (done.rows.landed, len(requests)) == (6, 3)


def test_cursor_zero_may_be_a_page(landed: Database, tmp_path: Path) -> None:
    """Where the server counts from it: nothing behind it is left out."""
    following = {None: 0, "0": 1, "1": None}

    def answer(request: Request) -> Reply:
        cursor = request.params.get("cursor")
        first = {None: 0, "0": 3, "1": 6}[cursor]
        return Reply({"data": records(first, first + 3), "next": following[cursor]})

    done, _, _ = land(landed, tmp_path, answer, pagination={"style": "cursor", "next": "next"})
    assert done.rows.landed == 9
