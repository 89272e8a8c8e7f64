"""Positions of pulls: bound to the loader they were noted with, shown, reset, kept, put back."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from headgate import postgres
from headgate.cli.state import state
from headgate.errors import ConfirmationRequired, HeadgateError, UsageError
from headgate.pulling import Pulled, pull
from headgate.settings import Settings
from tests.integration.api_server import Reply, Request, serving
from tests.shop import LANDED, LOADER, fill, land
from tests.small_project import declare, settings_for
from tests.support import Database, Databases

Declare = Callable[..., Settings]


@pytest.fixture
def loader(database: Database, shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Declare:
    """`loader(table=..., ...)`: settings of a project that declares the shop's table with these changes."""
    monkeypatch.setenv("SHOP_DSN", shop.dsn)

    def changed(**changes: Any) -> Settings:
        return settings_for(database.settings, declare(tmp_path / "project", "shop", {**LOADER, **changes}))

    return changed


@pytest.fixture
def command(database: Database, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """`command("reset", "shop")`: `headgate state`, in this process."""
    for name, value in database.env.items():
        if name.startswith("HEADGATE_"):
            monkeypatch.setenv(name, value)
    return lambda *arguments: CliRunner().invoke(state, arguments)


OTHERS = """
    create table other (like orders including all);
    insert into other select id, part, updated_at - interval '1 year', record from orders;
    alter table orders add column doc jsonb, add column n bigint;
    update orders set doc = record, n = id
"""


@pytest.mark.parametrize(
    ("changes", "told", "can_keep"),
    [
        ({"table": "public.other"}, "table was public.orders, is public.other", True),
        ({"cursor": "n", "lag": 0}, "cursor kind was time, is number", False),
        ({"key": "id"}, "key was id, part, is id", False),
        ({"record": "doc"}, "record was record, is doc", True),
        ({"include": ["id"]}, "include was not set, is id", True),
    ],
)
def test_a_changed_loader_is_refused_until_somebody_decides(
    loader: Declare,
    shop: Database,
    database: Database,
    command: Callable[..., Result],
    changes: dict[str, Any],
    told: str,
    can_keep: bool,
) -> None:
    """Each part by its name, before and now; nothing lands; after a reset everything does."""
    fill(shop, 1, 10)
    assert land(loader()).rows.landed == 10
    shop.query(OTHERS)
    for _ in range(2):
        with pytest.raises(UsageError, match=told) as refused:
            land(loader(**changes))
        assert ("state keep shop" in refused.value.next_step) is can_keep
        assert "state reset shop" in refused.value.next_step
    assert land(loader()).rows.landed == 0, "back at the old loader, the position holds"

    assert command("reset", "shop", "--yes").exit_code == 0
    assert land(loader(**changes)).rows.landed == 10
    assert database.value(f"select count(*) from {LANDED}") == 20
    assert land(loader(**changes)).rows.landed == 0


def test_another_database_behind_the_same_variable_is_refused(
    loader: Declare, shop: Database, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The address may change as it likes, the database may not."""
    fill(shop, 1, 10)
    land(loader())
    monkeypatch.setenv("SHOP_DSN", f"{shop.dsn}&application_name=elsewhere")
    assert land(loader()).status == "unchanged"
    with databases.new() as other:
        other.query("create table orders (id bigint, part text, updated_at timestamptz, record jsonb)")
        monkeypatch.setenv("SHOP_DSN", other.dsn)
        with pytest.raises(UsageError, match=r"server was database trial_\d+ of system \d+, is database"):
            land(loader())


def test_what_does_not_move_the_position_may_change(loader: Declare, shop: Database) -> None:
    """How late rows may come, and whether deletes are noticed, say nothing of what has been read."""
    fill(shop, 1, 10)
    land(loader())
    fill(shop, 11, 12, age="30 minutes")
    assert land(loader(lag="1 minute", deletes={})).rows.landed == 2


def test_a_renamed_table_goes_on_from_its_position(
    loader: Declare, shop: Database, database: Database, command: Callable[..., Result]
) -> None:
    """`keep` binds the position to the loader that the next pull finds, and says who said so."""
    fill(shop, 1, 10)
    land(loader())
    shop.query("alter table orders rename to purchases")
    assert command("keep", "shop", "--yes").exit_code == 0
    shop.query(
        "insert into purchases select id + 10, part, updated_at + interval '1 s', record from purchases"
    )
    assert land(loader(table="public.purchases")).rows.landed == 10
    shop.query("create view orders as table purchases")
    with pytest.raises(UsageError, match=r"table was public\.purchases, is public\.orders"):
        land(loader())
    assert "kept             by " in command("show", "shop").output
    assert database.value("select confirmed_by is not null and not rebind from ops.source_state")


def test_a_key_that_changed_cannot_be_kept(
    loader: Declare, shop: Database, command: Callable[..., Result]
) -> None:
    """The position names a key: with another one it cannot be read."""
    fill(shop, 1, 10)
    land(loader())
    command("keep", "shop", "--yes")
    with pytest.raises(UsageError, match="key was id, part, is id"):
        land(loader(key="id"))


def test_a_reset_is_planned_confirmed_recorded_and_undone(
    loader: Declare, shop: Database, database: Database, command: Callable[..., Result]
) -> None:
    """Exit code 4 changes nothing; undo restores position and window, so that nothing lands twice."""
    fill(shop, 1, 10)
    fill(shop, 11, 15, age="0 hours")
    land(loader(lag="2 hours"))
    before = database.query("select state, read_from, changed_at from ops.source_state")
    window = "select * from ops.source_window order by 1, 2, 3"
    remembered = database.query(window)
    assert len(remembered) == 15

    refused = command("reset", "shop")
    assert isinstance(refused.exception, ConfirmationRequired)
    for said in ("Plan", "15 records landed so far", "15 row versions", "headgate state undo shop --yes"):
        assert said in refused.output
    assert refused.exception.next_step == "headgate state reset shop --yes"
    assert database.query("select state, read_from, changed_at from ops.source_state") == before

    assert "report:" in command("reset", "shop", "--yes").output
    shown = json.loads(command("show", "shop", "--json").output)
    assert shown["position"] is None
    assert (shown["earlier"][0]["reason"], bool(shown["earlier"][0]["kept_by"])) == ("reset", True)
    assert "reset" in command("show", "shop").output

    assert isinstance(command("undo", "shop").exception, ConfirmationRequired)
    assert command("undo", "shop", "--yes").exit_code == 0
    assert database.query("select state, read_from, changed_at from ops.source_state") == before
    assert database.query(window) == remembered
    assert land(loader(lag="2 hours")).rows.landed == 0
    assert isinstance(command("undo", "shop", "--yes").exception, UsageError)


def test_undo_goes_there_and_back(loader: Declare, shop: Database, command: Callable[..., Result]) -> None:
    """After a reset and a pull, undo puts the first position back, and again undo the second."""
    fill(shop, 1, 5)
    land(loader())
    places = [_place(command)]
    fill(shop, 6, 9, age="30 minutes")
    command("reset", "shop", "--yes")
    assert land(loader()).rows.landed == 9
    places.append(_place(command))
    for place in (places[0], places[1], places[0]):
        assert command("undo", "shop", "--yes").exit_code == 0
        assert _place(command) == place
    assert land(loader()).rows.landed == 4


def _place(command: Callable[..., Result]) -> str:
    (found,) = json.loads(command("list", "--json").output)
    assert found["place"] in command("show", found["source"]).output
    assert found["place"] in command("list").output
    return str(found["place"])


def test_deletes_are_noticed_across_a_reset_of_the_same_rows_only(
    loader: Declare, shop: Database, command: Callable[..., Result]
) -> None:
    """Keys of another table are not told as deleted; keys of the same one are watched on."""
    fill(shop, 1, 6)
    land(loader(deletes={}))
    command("reset", "shop", "--yes")
    shop.query("delete from orders where id <= 2")
    assert land(loader(deletes={})).deleted == 2
    shop.query(
        "create table other (like orders including all); insert into other select 100 + id, part, "
        "updated_at, record from orders"
    )
    command("reset", "shop", "--yes")
    done = land(loader(table="public.other", deletes={}))
    assert (done.rows.landed, done.deleted) == (4, 0)


def test_a_position_of_an_earlier_version_is_carried_over(
    loader: Declare, shop: Database, database: Database
) -> None:
    """The migration keeps it, the next pull binds it and says so; back and forth, it stays."""
    fill(shop, 1, 10)
    land(loader())
    postgres.migrate(database.dsn, "0010")
    postgres.migrate(database.dsn)
    said: list[str] = []
    assert asyncio.run(pull(loader(), "shop", said.append)).rows.landed == 0
    assert any("noted by an earlier version" in text for text in said)
    shop.query(OTHERS)
    with pytest.raises(UsageError, match=r"table was public\.orders"):
        land(loader(table="public.other"))


def test_rows_that_no_read_gets_to_are_told(loader: Declare, shop: Database) -> None:
    """Null and infinite cursors are counted and said at each pull."""
    fill(shop, 1, 10)
    shop.query("update orders set updated_at = null where id < 3")
    shop.query("update orders set updated_at = 'infinity' where id = 3")
    done = land(loader())
    assert done.rows.landed == 7
    assert (
        '3 rows of "public"."orders" are not read, because updated_at is null or infinite' in done.warnings[0]
    )


@pytest.mark.parametrize("by_number", [True, False])
def test_a_table_that_was_made_anew_under_its_name_is_told(
    loader: Declare, shop: Database, by_number: bool
) -> None:
    """All its rows may lie before the position: they are not read, and the run says so."""
    cursor = {"cursor": "id", "lag": 0, "key": "part"} if by_number else {}
    fill(shop, 11, 20)
    assert land(loader(**cursor)).rows.landed == 10
    assert all("lies before" not in text for text in land(loader(**cursor)).warnings)
    shop.query("update orders set id = id - 10, updated_at = updated_at - interval '1 year'")
    done = land(loader(**cursor))
    assert done.rows.landed == 0
    assert 'every row of "public"."orders" lies before the position' in done.warnings[-1]
    assert "headgate state reset shop" in done.warnings[-1]


def test_a_source_that_was_never_read_has_no_position(command: Callable[..., Result]) -> None:
    """Wrong usage, with the names that there are."""
    for words in (("reset", "nothing"), ("keep", "nothing"), ("undo", "nothing"), ("show", "nothing")):
        assert isinstance(command(*words).exception, UsageError)
    assert "No source" in command("list").output


RECORDS = [{"id": n, "updated_at": f"2026-01-01T00:00:{n:02}Z"} for n in range(10)]


def since(request: Request) -> Reply:
    """The records of two paths, from a time on."""
    first = 100 if request.path == "/parcels" else 0
    found = [record for record in RECORDS if record["updated_at"] >= request.params.get("since", "")]
    return Reply([{**record, "id": record["id"] + first} for record in found])


def land_api(database: Database, folder: Path, url: str, **changes: Any) -> tuple[Pulled, list[str]]:
    """One pull of an endpoint that is asked for what is new, and what was said."""
    incremental = {"param": "since", "from": "updated_at", **changes.pop("incremental", {})}
    declared = {"type": "http_json", "url": url, "incremental": incremental, **changes}
    said: list[str] = []
    settings = settings_for(database.settings, declare(folder, "api", declared))
    return asyncio.run(pull(settings, "api", said.append)), said


@pytest.mark.parametrize(
    ("path", "changes", "told", "landed"),
    [
        ("/parcels", {}, "url was http", 10),
        ("/tickets?all=1", {}, "other params", 0),
        ("/tickets", {"params": {"kind": "secret"}}, "other params", 0),
        ("/tickets", {"headers": {"X-Tenant": "secret"}}, "other headers", 0),
        ("/tickets", {"incremental": {"from": "id"}}, "incremental.from was updated_at, is id", 0),
        ("/tickets", {"incremental": {"initial": "2025"}}, "incremental.initial was not set, is 2025", 0),
    ],
)
def test_an_endpoint_that_changed_is_read_from_the_beginning_visibly(
    database: Database, tmp_path: Path, path: str, changes: dict[str, Any], told: str, landed: int
) -> None:
    """Nothing is skipped, and what has landed is recognised; the old position can come back."""
    with serving(since) as api:
        assert land_api(database, tmp_path, f"{api.url}/tickets")[0].rows.landed == 10
        assert land_api(database, tmp_path, f"{api.url}/tickets")[0].rows.redelivered == 1
        done, said = land_api(database, tmp_path, f"{api.url}{path}", **changes)
        assert (done.rows.landed, done.rows.redelivered) == (landed, 10 - landed)
        again, quiet = land_api(database, tmp_path, f"{api.url}{path}", **changes)
    assert told in said[0]
    assert "secret" not in f"{said} {database.query('select read_from from ops.source_state')}"
    assert not quiet
    assert again.rows.landed == 0
    assert database.value("select state ->> 'newest' from ops.source_positions") == RECORDS[-1]["updated_at"]


def test_an_endpoint_that_moved_may_go_on(
    database: Database, tmp_path: Path, command: Callable[..., Result]
) -> None:
    """After `keep`, only what is new is asked for at the new URL."""
    with serving(since) as api:
        land_api(database, tmp_path, f"{api.url}/tickets")
        command("keep", "api", "--yes")
        done, _ = land_api(database, tmp_path, f"{api.url}/v2/tickets")
    assert (done.rows.redelivered, api.requests[-1].params["since"]) == (1, RECORDS[-1]["updated_at"])


def test_a_pull_that_began_anew_and_failed_is_undone(
    database: Database, tmp_path: Path, command: Callable[..., Result]
) -> None:
    """Before anything of the new loader has a position: the old loader goes on as if nothing had been."""
    broken = Reply({"error": "x"}, 404)
    with serving(lambda request: broken if request.path == "/new" else since(request)) as api:
        land_api(database, tmp_path, f"{api.url}/tickets")
        with pytest.raises(HeadgateError, match="HTTP status 404"):
            land_api(database, tmp_path, f"{api.url}/new")
        assert command("undo", "api", "--yes").exit_code == 0
        done, said = land_api(database, tmp_path, f"{api.url}/tickets")
    assert (done.rows.redelivered, api.requests[-1].params["since"]) == (1, RECORDS[-1]["updated_at"])
    assert not said
