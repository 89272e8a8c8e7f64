"""When the pages of a declared endpoint end, and what one bad record of a page costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import HeadgateError
from headgate.pulling import Pulled, pull
from tests.integration.api_server import Reply, Request, serving
from tests.small_project import declare, settings_for
from tests.support import Database

LANDED = "staging_tickets.records"
#: What the server gives of a page at most, whatever it is asked for.
MOST = 20


@pytest.fixture
def landed(module_database: Database) -> Iterator[Database]:
    """A database in which nothing has landed; the tests of this module share it."""
    yield module_database
    module_database.query("drop schema if exists staging_tickets cascade")
    for table in ("rejects", "repairs", "loads", "source_state"):
        module_database.query(f"delete from ops.{table}")


def records(first: int, last: int) -> list[dict[str, Any]]:
    """Records from `first` to before `last`, of 95."""
    return [{"id": n, "updated_at": "2026-01-01T00:00:00Z"} for n in range(first, min(last, 95))]


def land(
    database: Database, folder: Path, answer: Callable[[Request], Reply], **loader: Any
) -> tuple[Pulled, list[Request], list[str]]:
    """One pull: what came of it, what was asked, what was said."""
    said: list[str] = []
    with serving(answer) as api:
        declared = {"type": "http_json", "url": f"{api.url}/tickets", "records": "data", **loader}
        settings = settings_for(database.settings, declare(folder, "tickets", declared))
        done = asyncio.run(pull(settings, "tickets", said.append))
    return done, api.requests, said


def page_of(request: Request, size: int = MOST) -> list[dict[str, Any]]:
    """The page that is asked for by its number."""
    page = int(request.params["page"])
    return records((page - 1) * size, page * size)


def last_page(request: Request, end: Reply) -> Reply:
    """Two pages of ten, and then `end`."""
    page = int(request.params["page"])
    return Reply({"data": records((page - 1) * 10, page * 10)}) if page < 3 else end


@pytest.mark.parametrize(
    "end",
    [
        Reply({"data": None}),
        Reply({"page": 3}),
        Reply({"data": []}),
        Reply(status=204),
        Reply(None),
        Reply({"detail": "Invalid page."}, 404),
    ],
    ids=["null", "no key", "empty", "204", "null answer", "404"],
)
def test_what_ends_the_pages(landed: Database, tmp_path: Path, end: Reply) -> None:
    """A null, missing or empty list, no content, a page that there is not: what came before has landed."""
    done, requests, _ = land(
        landed, tmp_path, lambda request: last_page(request, end), pagination={"style": "page"}
    )
    assert (done.rows.landed, len(requests)) == (20, 3)


@pytest.mark.parametrize(
    ("end", "error"),
    [
        (Reply({"error": "slow down"}), "an answer with `error`"),
        (Reply({"data": {"0": {}}}), "found an object"),
        (Reply({"message": "offset above 10000"}, 400), "HTTP status 400"),
    ],
)
def test_what_ends_no_pages(landed: Database, tmp_path: Path, end: Reply, error: str) -> None:
    """An error is none, and neither is a limit that stands behind full pages: the pull fails."""
    with pytest.raises(HeadgateError, match=error):
        land(landed, tmp_path, lambda request: last_page(request, end), pagination={"style": "page"})
    assert landed.value(f"select count(*) from {LANDED}") == 20


def test_a_list_that_was_there_once_may_be_left_out(landed: Database, tmp_path: Path) -> None:
    """A first answer without it may be a wrong `records`; later it is an API that has nothing new."""
    answers = [{"count": 0}, {"data": None}, {"data": records(0, 2)}, {"count": 0}]
    with serving(lambda _: Reply(answers.pop(0))) as api:
        declared = {"type": "http_json", "url": api.url, "records": "data"}
        settings = settings_for(landed.settings, declare(tmp_path, "tickets", declared))
        with pytest.raises(HeadgateError, match="a list of records at data of the answer; found nothing"):
            asyncio.run(pull(settings, "tickets", lambda _: None))
        done = [asyncio.run(pull(settings, "tickets", lambda _: None)).rows.landed for _ in range(3)]
    assert done == [0, 2, 0]


def by_offset(request: Request) -> list[dict[str, Any]]:
    """At most 20 behind an offset."""
    start = int(request.params["offset"])
    return records(start, start + min(MOST, int(request.params["limit"])))


@pytest.mark.parametrize(
    ("answer", "pagination", "requests"),
    [
        (lambda request: {"data": page_of(request)}, {"style": "page", "size_param": "n", "size": 100}, 6),
        (lambda request: {"data": by_offset(request)}, {"style": "offset"}, 6),
        (
            lambda request: {"data": page_of(request), "meta": {"total": 95}},
            {"style": "page", "total": "meta.total"},
            5,
        ),
        (lambda request: {"data": by_offset(request), "n": "95"}, {"style": "offset", "total": "n"}, 5),
        (
            lambda request: {"data": page_of(request), "pages": 5},
            {"style": "page", "total_pages": "pages"},
            5,
        ),
        (
            lambda request: {"data": page_of(request), "more": request.params["page"] != "5"},
            {"style": "page", "has_more": "more"},
            5,
        ),
    ],
)
def test_pages_shorter_than_asked_for_are_not_the_last(
    landed: Database,
    tmp_path: Path,
    answer: Callable[[Request], dict[str, Any]],
    pagination: dict[str, Any],
    requests: int,
) -> None:
    """A server that gives 20 where 100 are asked for: all 95 land, with one request more or none."""
    done, asked, _ = land(landed, tmp_path, lambda request: Reply(answer(request)), pagination=pagination)
    assert (done.rows.landed, done.rows.redelivered, len(asked)) == (95, 0, requests)
    assert not done.warnings
    assert landed.value(f"select count(distinct record_id) from {LANDED}") == 95


@pytest.mark.parametrize("style", ["page", "offset"])
def test_pages_that_are_filtered_after_they_were_cut(landed: Database, tmp_path: Path, style: str) -> None:
    """A page with gaps in it, or an empty one in the middle where the API says that more is there."""

    def answer(request: Request) -> Reply:
        start = int(request.params.get("offset") or 10 * (int(request.params.get("page", 1)) - 1))
        kept = [record for record in records(start, start + 10) if not 30 <= record["id"] < 60]
        return Reply({"data": [record for record in kept if record["id"] % 7], "more": start < 80})

    pagination = {"style": style, "has_more": "more", **({"limit": 10} if style == "offset" else {})}
    land(landed, tmp_path, answer, pagination=pagination)
    expected = [n for n in range(90 if style == "page" else 80) if n % 7 and not 30 <= n < 60]
    found = landed.query(f"select record_id::int from {LANDED} order by 1")
    assert [row[0] for row in found if row[0] < expected[-1] + 1] == expected


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


def test_a_number_is_no_url_of_a_next_page(landed: Database, tmp_path: Path) -> None:
    """The number of the next page is for the style `cursor`."""
    with pytest.raises(HeadgateError, match="found a number"):
        land(
            landed,
            tmp_path,
            lambda _: Reply({"data": records(0, 5), "next": 2}),
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


@pytest.mark.parametrize("pages", [0, -1, "0"])
def test_pages_that_nobody_counted(landed: Database, tmp_path: Path, pages: object) -> None:
    """A number of pages below what came says nothing, as a total does."""
    done, _, _ = land(
        landed,
        tmp_path,
        lambda request: Reply({"data": page_of(request), "pages": pages}),
        pagination={"style": "page", "total_pages": "pages"},
    )
    assert done.rows.landed == 95


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
    "answer",
    [
        lambda page: records(0, 10),
        lambda page: records(10 * min(page, 3), 10 * min(page, 3) + 10),
        lambda page: records(10 * (page % 3), 10 * (page % 3) + 10),
    ],
    ids=["always the first", "the last for ever", "round in a circle"],
)
def test_servers_that_repeat_pages_for_ever(
    landed: Database, tmp_path: Path, answer: Callable[[int], list[dict[str, Any]]]
) -> None:
    """The pull stops at a page that it has seen, with a word; the warning is handed on."""
    done, requests, said = land(
        landed,
        tmp_path,
        lambda request: Reply({"data": answer(int(request.params["page"]))}),
        pagination={"style": "page"},
    )
    assert len(requests) <= 4
    assert done.rows.landed == 10 * (len(requests) - 1)
    assert "is the same as page" in done.warnings[0]
    assert f"warning: {done.warnings[0]}" in said


def test_totals_and_flags_that_do_not_hold(landed: Database, tmp_path: Path) -> None:
    """Fewer records than the API tells of are told; a flag that never falls over one page is an error."""
    done, _, _ = land(
        landed,
        tmp_path,
        lambda request: Reply({"data": page_of(request), "total": 200}),
        pagination={"style": "page", "total": "total"},
    )
    assert done.rows.landed == 95
    assert done.warnings == ("the pages ended with 95 records where the API tells of 200",)
    with pytest.raises(HeadgateError, match="page 2 to be the same as page 1"):
        land(
            landed,
            tmp_path,
            lambda _: Reply({"data": records(0, 3), "more": True}),
            pagination={"style": "page", "has_more": "more"},
        )


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


@pytest.mark.parametrize(
    "total",
    [lambda _: 0, lambda _: -1, lambda page: 95 - 30 * page, lambda page: 20 if page == 1 else 19],
    ids=["zero", "minus one", "shrinking", "below what came"],
)
def test_a_total_below_what_came_says_nothing(
    landed: Database, tmp_path: Path, total: Callable[[int], int]
) -> None:
    """Servers that do not count say 0 or -1, and some recount: the pages are read to their end."""
    done, _, _ = land(
        landed,
        tmp_path,
        lambda request: Reply({"data": page_of(request, 10), "total": total(int(request.params["page"]))}),
        pagination={"style": "page", "total": "total"},
    )
    assert done.rows.landed == 95


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (b'{"id": 3, "v": NaN}', "invalid JSON"),
        (b'{"id": 3, "v": -Infinity}', "invalid JSON"),
        (b'{"id": 3, "v": 1e400000}', "number out of range"),
        (b'{"id": 3, "v": "\\ud800"}', "lone surrogate"),
        (b'{"id": 3, "v": "\xe9"}', "invalid UTF-8"),
        (b'{"id": 3, "v": "a\nb"}', "raw control character"),
    ],
)
def test_one_bad_record_is_a_reject_as_in_a_file(
    landed: Database, tmp_path: Path, bad: bytes, reason: str
) -> None:
    """The other nine land, the cursor is followed, and a second pull lands and rejects nothing again."""
    page = json.dumps({"data": records(0, 9), "next": None}).encode().replace(b"[", b"[" + bad + b", ")

    def answer(request: Request) -> Reply:
        if "cursor" not in request.params:
            return Reply(page.replace(b"null", b'"two"'))
        return Reply({"data": records(9, 12)})

    pagination = {"style": "cursor", "next": "next"}
    done, _, _ = land(landed, tmp_path, answer, pagination=pagination)
    assert (done.rows.landed, done.rows.rejected) == (12, 1)
    assert landed.query("select reason from ops.rejects") == [(reason,)]
    again, _, _ = land(landed, tmp_path, answer, pagination=pagination)
    assert (again.rows.landed, again.rows.rejected, again.rows.redelivered) == (0, 0, 13)


def test_byte_order_mark_and_charset(landed: Database, tmp_path: Path) -> None:
    """Both pages land as what they say."""
    record = {"id": 1, "name": "José"}

    def answer(request: Request) -> Reply:
        if request.params["page"] == "1":
            return Reply(b"\xef\xbb\xbf" + json.dumps({"data": [record]}).encode())
        if request.params["page"] == "2":
            body = json.dumps({"data": [{**record, "id": 2}]}, ensure_ascii=False).encode("latin-1")
            return Reply(body, headers={"Content-Type": "application/json; charset=iso-8859-1"})
        return Reply({"data": []})

    done, _, _ = land(landed, tmp_path, answer, pagination={"style": "page"})
    assert done.rows.landed == 2
    assert landed.query(f"select record ->> 'name' from {LANDED}") == [("José",), ("José",)]
