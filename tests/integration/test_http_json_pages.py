"""When the pages of a declared endpoint end, and what one bad record of a page costs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import HeadgateError
from headgate.pulling import pull
from tests.integration.api_server import Reply, Request, serving
from tests.integration.ticket_pages import LANDED, MOST, emptied, land, page_of, records
from tests.small_project import declare, settings_for
from tests.support import Database


@pytest.fixture
def landed(module_database: Database) -> Iterator[Database]:
    """A database in which nothing has landed; the tests of this module share it."""
    yield from emptied(module_database)


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
