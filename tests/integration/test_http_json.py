"""Declared REST endpoints: each pagination and auth style against a server, and what goes wrong."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from headgate.errors import HeadgateError, UsageError
from headgate.pulling import Pulled, pull
from headgate.settings import Settings
from tests.integration.api_server import Api, Reply, Request, serving
from tests.small_project import declare, settings_for
from tests.support import Database

LANDED = "staging_tickets.records"
SECRET = "s3cret:token"


def tickets(count: int) -> list[dict[str, Any]]:
    """Records, a minute apart."""
    return [
        {"id": n, "updated_at": f"2026-01-01T{n // 60:02}:{n % 60:02}:00Z", "email": f"{n}@example.org"}
        for n in range(count)
    ]


def settings_of(database: Database, folder: Path, api: Api, **loader: Any) -> Settings:
    """Settings of a project that declares the server's /tickets."""
    declared = {"type": "http_json", "url": f"{api.url}/tickets", **loader}
    return settings_for(database.settings, declare(folder, "tickets", declared))


def land(settings: Settings) -> Pulled:
    """One pull."""
    return asyncio.run(pull(settings, "tickets", lambda _: None))


def slice_of(start: int, size: int) -> Reply:
    """A page."""
    return Reply({"items": tickets(250)[start : start + size], "total": 250})


def by_page(request: Request) -> Reply:
    """Pages of a size that the client says."""
    size = int(request.params["per_page"])
    return slice_of((int(request.params["page"]) - 1) * size, size)


def by_offset(request: Request) -> Reply:
    """An offset and a limit."""
    return slice_of(int(request.params["skip"]), int(request.params["top"]))


def by_cursor(request: Request) -> Reply:
    """A cursor in the answer."""
    start = int(request.params.get("after", 0))
    reply = slice_of(start, 100)
    reply.body["page"] = {"next": str(start + 100) if start < 200 else ""}
    return reply


def by_link(request: Request) -> Reply:
    """A Link header, as GitHub has it."""
    start = int(request.params.get("from", 0))
    reply = slice_of(start, 100)
    if start < 200:
        reply.headers["Link"] = f'</tickets?from={start + 100}>; rel="next", </tickets>; rel="first"'
    return reply


def by_next_url(request: Request) -> Reply:
    """A URL in the answer, as Django has it."""
    start = int(request.params.get("from", 0))
    reply = slice_of(start, 100)
    reply.body["next"] = f"/tickets?from={start + 100}" if start < 200 else None
    return reply


@pytest.mark.parametrize(
    ("answer", "pagination", "requests"),
    [
        (by_page, {"style": "page", "size_param": "per_page", "size": 100}, 4),
        (by_page, {"style": "page", "size_param": "per_page", "size": 125}, 3),
        (by_page, {"style": "page", "size_param": "per_page", "size": 100, "total": "total"}, 3),
        (by_offset, {"style": "offset", "param": "skip", "limit_param": "top", "limit": 100}, 4),
        (by_cursor, {"style": "cursor", "param": "after", "next": "page.next"}, 3),
        (by_link, {"style": "link"}, 3),
        (by_next_url, {"style": "next_url", "next": "next"}, 3),
    ],
)
def test_all_pages_land_once(
    database: Database,
    tmp_path: Path,
    answer: Callable[[Request], Reply],
    pagination: dict[str, Any],
    requests: int,
) -> None:
    """Every style brings all records; a second pull lands none again; personal data is replaced."""
    with serving(answer) as api:
        settings = settings_of(database, tmp_path, api, records="items", pagination=pagination)
        done = land(settings)
        assert (done.rows.landed, done.requests, len(api.requests)) == (250, requests, requests)
        again = land(settings)
    assert (again.rows.landed, again.rows.redelivered, again.status) == (0, 250, "unchanged")
    assert database.value(f"select count(distinct record_id) from {LANDED}") == 250
    assert database.value(f"select count(*) from {LANDED} where record ->> 'email' like 'hmac:%%'") == 250


@pytest.mark.parametrize(
    ("auth", "expected"),
    [
        ({"style": "bearer"}, {"authorization": f"Bearer {SECRET}"}),
        ({"style": "header", "name": "X-Api-Key"}, {"x-api-key": SECRET}),
        ({"style": "basic"}, {"authorization": f"Basic {base64.b64encode(SECRET.encode()).decode()}"}),
        ({"style": "query", "name": "key"}, {"key": SECRET}),
    ],
)
def test_credentials_go_to_every_page_and_nowhere_else(
    database: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    auth: dict[str, str],
    expected: dict[str, str],
) -> None:
    """Each style is sent with each request; neither logs, ledger nor errors show the secret."""
    monkeypatch.setenv("TICKETS_TOKEN", SECRET)
    caplog.set_level(logging.DEBUG)

    def answer(request: Request) -> Reply:
        return by_next_url(request) if request.params.get("from") != "200" else Reply(status=404)

    with serving(answer) as api:
        settings = settings_of(
            database,
            tmp_path,
            api,
            records="items",
            auth={**auth, "env": "TICKETS_TOKEN"},
            pagination={"style": "next_url", "next": "next"},
        )
        with pytest.raises(
            HeadgateError, match="/tickets: expected an answer; found HTTP status 404"
        ) as raised:
            land(settings)
    assert len(api.requests) == 3
    for request in api.requests:
        assert expected.items() <= {**request.headers, **request.params}.items()
    said = f"{raised.value} {caplog.text} {database.query('select uri, error from ops.loads')}"
    assert SECRET not in said
    assert base64.b64encode(SECRET.encode()).decode() not in said
    assert database.value(f"select count(*) from {LANDED}") == 200


def test_an_answer_that_leads_to_another_host_gets_no_credentials(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a next URL nor a redirect takes the secret elsewhere."""
    monkeypatch.setenv("TICKETS_TOKEN", SECRET)
    auth = {"style": "bearer", "env": "TICKETS_TOKEN"}
    with serving(lambda _: Reply([])) as thief:
        replies = [
            Reply({"items": [], "next": f"{thief.url}/tickets"}),
            Reply(status=302, headers={"Location": f"{thief.url}/tickets"}),
        ]
        for reply in replies:
            with serving(lambda _, reply=reply: reply) as api:
                settings = settings_of(
                    database,
                    tmp_path,
                    api,
                    records="items",
                    auth=auth,
                    pagination={"style": "next_url", "next": "next"},
                )
                with pytest.raises(HeadgateError, match="stay on its host; found one to http://127"):
                    land(settings)
    assert not thief.requests


def test_only_what_is_new_is_asked_for(database: Database, tmp_path: Path) -> None:
    """The newest value is sent the next time; a changed record lands beside the old one."""
    records = tickets(10)

    def answer(request: Request) -> Reply:
        return Reply([item for item in records if item["updated_at"] >= request.params["since"]])

    with serving(answer) as api:
        incremental = {"param": "since", "from": "updated_at", "initial": "2026-01-01T00:05:00Z"}
        settings = settings_of(database, tmp_path, api, incremental=incremental)
        assert land(settings).rows.landed == 5
        records[9] = {**records[9], "text": "changed"}
        records.append({"id": 10, "updated_at": "2026-01-01T01:30:00+01:00"})
        second = land(settings)
        assert (second.rows.landed, second.rows.redelivered) == (2, 0)
        land(settings)
    # The times are compared as times: 01:30+01:00 is after 00:09Z.
    asked = [request.params["since"] for request in api.requests]
    assert asked == ["2026-01-01T00:05:00Z", "2026-01-01T00:09:00Z", "2026-01-01T01:30:00+01:00"]


@pytest.mark.parametrize("odd", ["2999-01-01T00:00:00Z", "9999-12-31", "NaN", "Infinity", "-inf"])
def test_a_value_ahead_of_all_that_comes_is_no_position(database: Database, tmp_path: Path, odd: str) -> None:
    """A time to come, or no finite number, lands, and has nothing left out later; the pull says so."""
    records: list[dict[str, Any]] = [{"id": 1, "updated_at": odd}, *tickets(10)[2:]]
    if not odd.startswith(("2", "9")):
        records = [{**record, "updated_at": n} for n, record in enumerate(records)]
        records[0]["updated_at"] = odd

    def answer(request: Request) -> Reply:
        since = request.params.get("since")
        places = {str(record["updated_at"]): n for n, record in enumerate(records)}
        return Reply(records[places[since] :] if since else records)

    with serving(answer) as api:
        settings = settings_of(database, tmp_path, api, incremental={"param": "since", "from": "updated_at"})
        first = land(settings)
        assert first.rows.landed == 9
        assert "1 record held a time to come or no finite number" in first.warnings[0]
        newest = records[-1]["updated_at"]
        records.append({"id": 10, "updated_at": "2026-01-02T00:00:00Z" if newest != 8 else 9})
        assert land(settings).rows.landed == 1
    assert api.requests[1].params["since"] == str(newest)


def test_a_pull_that_fails_is_repeated_from_where_the_last_whole_one_ended(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest value is noted only when every page has landed."""
    monkeypatch.setattr("headgate.pulling.http_client.ATTEMPTS", 1)
    broken = True

    def answer(request: Request) -> Reply:
        start = int(request.params["offset"])
        if broken and start:
            return Reply(status=500)
        return Reply(tickets(150)[::-1][start : start + 100])

    with serving(answer) as api:
        incremental = {"param": "since", "from": "updated_at"}
        settings = settings_of(
            database, tmp_path, api, incremental=incremental, pagination={"style": "offset"}
        )
        with pytest.raises(HeadgateError, match="HTTP status 500"):
            land(settings)
        assert database.value(f"select count(*) from {LANDED}") == 100
        broken = False
        done = land(settings)
    assert (done.rows.landed, done.rows.redelivered) == (50, 100)
    assert "since" not in api.requests[-1].params


def test_a_server_that_fails_for_a_while_or_asks_to_wait_is_asked_again(
    database: Database, tmp_path: Path
) -> None:
    """Status 503 and 429 with Retry-After are repeated; the rate limit spaces requests out."""
    faults = [Reply(status=503), Reply(status=429, headers={"Retry-After": "1"}), Reply(status=502)]

    def answer(request: Request) -> Reply:
        return faults.pop() if faults else by_link(request)

    with serving(answer) as api:
        settings = settings_of(
            database, tmp_path, api, records="items", pagination={"style": "link"}, rate_limit=4
        )
        done = land(settings)
    assert (done.rows.landed, done.requests) == (250, 6)
    assert done.seconds > 2


def test_numbers_land_digit_for_digit_and_poison_is_a_reject(database: Database, tmp_path: Path) -> None:
    """A page is not read as floats; a record that is no JSON for PostgreSQL costs itself only."""
    page = (
        b'{"items": [{"id": 1, "n": 12345678901234567890.10}, {"id": 2, "text": "half \\ud800"},'
        b' {"id": 3, "text": "\\u0000"}, [4]]}'
    )
    with serving(lambda _: Reply(page)) as api:
        done = land(settings_of(database, tmp_path, api, records="items"))
    assert (done.rows.landed, done.rows.rejected, done.rows.repaired) == (2, 2, 1)
    assert database.value(f"select record ->> 'n' from {LANDED} where record_id = '1'") == (
        "12345678901234567890.10"
    )
    reasons = database.query("select reason from ops.rejects order by 1")
    assert reasons == [("lone surrogate",), ("not an object",)]


@pytest.mark.parametrize(
    ("body", "loader", "expected"),
    [
        ({"data": []}, {"records": "items"}, "a list of records at items of the answer; found nothing"),
        (b"<html>", {}, "found an HTML or XML page"),
        (b"", {}, "an answer in JSON; found nothing"),
        (
            {"items": [{"id": 1}], "more": True},
            {"records": "items", "pagination": {"style": "page", "has_more": "more"}, "max_pages": 1},
            "an end within 1 page;",
        ),
        (
            {"items": [{"id": 1}], "c": "x"},
            {"records": "items", "pagination": {"style": "cursor", "next": "c"}},
            "same page",
        ),
    ],
)
def test_answers_that_are_not_as_declared(
    database: Database, tmp_path: Path, body: Any, loader: dict[str, Any], expected: str
) -> None:
    """The error says what was expected of the answer."""
    with serving(lambda _: Reply(body)) as api, pytest.raises(HeadgateError, match=expected):
        land(settings_of(database, tmp_path, api, **loader))


@pytest.mark.parametrize(
    ("loader", "expected"),
    [
        (
            {"type": "http_jsn"},
            r"_tickets__sources.yml, .*loader.type: expected one of .*did you mean http_json",
        ),
        ({"url": "ftp://x"}, r"loader.url: expected a URL"),
        ({"url": "https://u:pw@x/"}, r"loader.url: expected a URL without a password"),
        ({"pagination": {"style": "pages"}}, r"loader.pagination.style: expected one of page"),
        ({"pagination": {"style": "cursor"}}, r"loader.pagination.next: expected a path"),
        ({"pagination": {"style": "link", "next": "x"}}, r"loader.pagination.next: expected keys among"),
        ({"auth": {"style": "bearer", "env": SECRET}}, r"loader.auth.env: .*found something else"),
        ({"auth": {"style": "bearer", "env": "NOT_SET"}}, r"NOT_SET: .*it is not set"),
        ({"records": "items[]"}, r"loader.records: expected a path to one place"),
        ({"rate_limit": 0}, r"loader.rate_limit: expected requests a second"),
        ({"rate_limits": 1}, r"loader.rate_limits: .*did you mean rate_limit"),
        ({"incremental": {"param": "since"}}, r"loader.incremental.from: expected a path"),
    ],
)
def test_wrong_declarations_name_the_file_and_the_key(
    database: Database, tmp_path: Path, loader: dict[str, Any], expected: str
) -> None:
    """Nothing is asked, and no secret is shown."""
    with serving(lambda _: Reply([])) as api:
        settings = settings_of(database, tmp_path, api, **loader)
        with pytest.raises(UsageError, match=expected) as raised:
            land(settings)
    assert not api.requests
    assert SECRET not in str(raised.value)


def test_the_command_tells_what_came(database: Database, tmp_path: Path) -> None:
    """`headgate land NAME` needs no files."""
    from tests.support import run

    with serving(by_link) as api:
        settings = settings_of(database, tmp_path, api, records="items", pagination={"style": "link"})
        done = run("headgate", "land", "tickets", env=database.env, cwd=settings.project_dir)
        again = run("headgate", "land", "tickets", "--json", env=database.env, cwd=settings.project_dir)
    assert "tickets: 250 landed, 0 rejected" in done.stdout
    assert '"rows_redelivered": 250' in again.stdout


def test_a_record_that_changes_back_lands_again(database: Database, tmp_path: Path) -> None:
    """A, B, A are three states; two contents of one identity in each answer are none."""
    states: list[list[tuple[int, str]]] = [
        [(1, "A"), (2, "x"), (2, "y")],
        [(1, "B"), (2, "x"), (2, "y")],
        [(1, "A"), (2, "y"), (2, "x")],
        [(1, "A"), (2, "x"), (2, "y")],
        [(1, "B")],
        [(1, "A"), (2, "x"), (2, "y")],
    ]
    now: list[list[tuple[int, str]]] = []

    def answer(request: Request) -> Reply:
        page = int(request.params["page"])
        return Reply([{"id": i, "v": v} for i, v in now[-1][page - 1 : page]])

    landed = []
    with serving(answer) as api:
        settings = settings_of(database, tmp_path, api, pagination={"style": "page"})
        for state in states:
            now.append(state)
            landed.append(land(settings).rows.landed)
    assert landed == [3, 1, 1, 0, 1, 1]
    values = database.query(
        f"select record ->> 'v' from {LANDED} where record_id = '1' order by load_id, line_number"
    )
    assert [row[0] for row in values] == ["A", "B", "A", "B", "A"]
