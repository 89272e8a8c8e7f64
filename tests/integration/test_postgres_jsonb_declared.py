"""Tables of another PostgreSQL as they may be declared, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headgate.errors import HeadgateError, UsageError
from headgate.pulling.other_server import OtherTable
from headgate.settings import Settings
from tests.shop import LANDED, LOADER, fill, land
from tests.small_project import declare, settings_for
from tests.support import Database


@pytest.fixture
def settings(database: Database, shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings of a project that declares the shop's table as a source."""
    monkeypatch.setenv("SHOP_DSN", shop.dsn)
    return settings_for(database.settings, declare(tmp_path / "project", "shop", LOADER))


def test_any_key_cursor_and_json_column_will_do(
    database: Database, shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A number as cursor, a uuid as key, json that JSONB refuses, columns put into the record."""
    shop.query("""
        create table "Odd" (
            "Key" uuid primary key default gen_random_uuid(), n integer, "Body" json,
            "from" timestamp default '2026-01-01'
        );
        insert into "Odd" (n, "Body") select n, json_build_object('id', n) from generate_series(1, 2500) as n;
        insert into "Odd" (n, "Body") values
            (2501, '{"id": 2501, "text": "a\\u0000b"}'), (2502, null), (2503, '[1]'), (null, '{}')
    """)
    monkeypatch.setenv("SHOP_DSN", shop.dsn)
    loader = {**LOADER, "table": "public.Odd", "record": "Body", "key": "Key", "cursor": "n", "lag": 10}
    settings = settings_for(database.settings, declare(tmp_path, "shop", loader))
    done = land(settings)
    assert (done.rows.landed, done.rows.rejected, done.rows.repaired) == (2501, 2, 1)
    assert any("sorts the table" in text for text in done.warnings)
    assert land(settings).status == "unchanged"
    assert any("1 rows" in text and "null or infinite" in text for text in done.warnings)


def test_names_may_be_anything_that_postgres_takes(
    database: Database, shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Spaces, dots, quotes, other scripts: in schema, table and every column; nothing of it is run as SQL."""
    shop.query("""
        create schema "my.shop";
        create table "my.shop"."Order ""Details"" 1" (
            "Order ID" bigint primary key, "%s {x} body" jsonb, "Zeit; drop" timestamptz default '2026-01-01',
            "o'Größe" text default 'L'
        );
        insert into "my.shop"."Order ""Details"" 1"
        select n, jsonb_build_object('id', n) from generate_series(1, 30) as n
    """)
    monkeypatch.setenv("SHOP_DSN", shop.dsn)
    loader = {
        **LOADER,
        "table": '"my.shop"."Order ""Details"" 1"',
        "record": "%s {x} body",
        "key": "Order ID",
        "cursor": "Zeit; drop",
        "include": ["o'Größe"],
        "deletes": {},
    }
    settings = settings_for(database.settings, declare(tmp_path, "shop", loader))
    assert land(settings).rows.landed == 30
    shop.query('delete from "my.shop"."Order ""Details"" 1" where "Order ID" = 7')
    assert land(settings).rows.landed == 1
    found = database.query(f"select count(*) from {LANDED} where record ->> 'o''Größe' = 'L'")
    assert found == [(30,)]


#: Records as a column of type json may hold them, and whether each lands, repaired, or is a reject.
ODD = {
    "a\\u0000b": "repaired",
    "half \\ud800": "lone surrogate",
    "whole \\ud83d\\ude00": "landed",
}


@pytest.mark.parametrize("include", [None, ["id", "at", "amount", "note"]])
@pytest.mark.parametrize("kind", ["json", "jsonb"])
def test_included_columns_change_nothing_of_what_lands(
    database: Database,
    shop: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    include: list[str] | None,
    kind: str,
) -> None:
    """Odd JSON is repaired or rejected as in a file, with the columns put in and without; the rest lands."""
    shop.query(f"""
        create table s1 (
            id bigint primary key, doc {kind}, u timestamptz default '2026-01-01',
            at timestamp default 'infinity', amount numeric default 'NaN',
            note json default '{{"a": "\\u0000"}}'
        );
        insert into s1 (id, doc) select i, json_build_object('id', 0, 'v', i) from generate_series(1, 20) i;
        insert into s1 (id, doc) values
            (21, '{{ }}'), (22, '[1]'), (23, null), (24, '"text"'), (25, ' {{"v": 1.10}} ')
    """)
    if kind == "json":
        for number, text in enumerate(ODD):
            shop.query(f"""insert into s1 (id, doc) values ({30 + number}, '{{"v": "{text}"}}')""")
    monkeypatch.setenv("SHOP_DSN", shop.dsn)
    loader = {**LOADER, "table": "public.s1", "record": "doc", "key": "id", "cursor": "u"}
    loader |= {"include": include} if include else {}
    envelope = {"identity": "id", "kind": None, "time": "u"}
    settings = settings_for(database.settings, declare(tmp_path, "shop", loader, envelope=envelope))
    done = land(settings)
    odd = 2 if kind == "json" else 0
    assert (done.rows.landed, done.rows.rejected) == (22 + odd, 3 + odd // 2)
    if include:
        assert done.rows.repaired == done.rows.landed, "the note that is put into each needs it"
        found = database.query(f"select record -> 'id', record - 'id' - 'v' from {LANDED} order by 1")
        expected = {"at": "infinity", "amount": "NaN", "note": {"a": ""}}
        assert [row[0] for row in found[:21]] == list(range(1, 22))
        assert all(row[1] == expected for row in found)
    else:
        assert done.rows.repaired == odd // 2
    assert land(settings).status == "unchanged"
    assert database.value(f"select count(*) from {LANDED} where record ->> 'v' = '1.10'") == 1


@pytest.mark.parametrize(
    ("statement", "advice"),
    [
        ("alter table orders drop column part cascade", "the table is not as it was declared"),
        (
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where starts_with(application_name, 'headgate') and datname = current_database()",
            "goes on",
        ),
    ],
)
def test_running_again_is_advised_where_it_helps(
    settings: Settings, shop: Database, monkeypatch: pytest.MonkeyPatch, statement: str, advice: str
) -> None:
    """A connection that is lost comes back; a column does not."""
    fill(shop, 1, 10)
    settled = OtherTable.settled

    async def meanwhile(table: OtherTable, connection: Any) -> int | None:
        shop.query(statement)
        return await settled(table, connection)

    monkeypatch.setattr(OtherTable, "settled", meanwhile)
    with pytest.raises(HeadgateError) as raised:
        land(settings)
    assert advice in raised.value.next_step


def test_times_without_zone_and_quotes_in_keys(
    database: Database, shop: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys with quotes and backslashes are found again behind their position; infinite times are not read."""
    shop.query("""
        create table plain (name character(30) primary key, at timestamp, record jsonb);
        insert into plain values
            ('it''s \\ {"x"}', '2026-01-01', '{"id": 1}'), ('z', '2026-01-01', '{"id": 2}'),
            ('never', 'infinity', '{"id": 3}'), ('unknown', null, '{"id": 4}');
        create index on plain (at, name)
    """)
    monkeypatch.setenv("SHOP_DSN", shop.dsn)
    loader = {**LOADER, "table": "public.plain", "key": "name", "cursor": "at"}
    settings = settings_for(database.settings, declare(tmp_path, "shop", loader))
    assert land(settings).rows.landed == 2
    shop.query("""insert into plain values ('zz', '2026-01-01', '{"id": 5}')""")
    done = land(settings)
    assert (done.rows.landed, done.rows.redelivered) == (1, 0)


def test_a_row_that_only_postgres_refuses_is_a_reject(
    settings: Settings, shop: Database, database: Database
) -> None:
    """The rows around it land; the next pull goes on behind it."""
    deep = "[" * 6000 + "]" * 6000
    shop.query("set max_stack_depth = '7MB'")
    fill(shop, 1, 200)
    database.query(
        "alter database " + database.value("select current_database()") + " set max_stack_depth = '100kB'"
    )
    shop.query(
        f"""
        insert into orders values (0, 'deep', now() - interval '59 minutes', '{{"id": 0, "x": {deep}}}')
        """
    )
    done = land(settings)
    assert (done.rows.landed, done.rows.rejected) == (200, 1)
    assert database.query("select reason from ops.rejects") == [("nesting too deep",)]
    assert land(settings).status == "unchanged"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"table": "public.nothing"}, "a table that the role may see"),
        ({"record": "nothing"}, "the column nothing"),
        ({"record": "part"}, "jsonb or json in part"),
        ({"cursor": "part"}, "a timestamp or a whole number in part"),
        ({"lag": 5}, "a time as lag of a timestamp"),
        ({"dsn_env": "NOT_SET"}, "NOT_SET: expected postgresql://"),
        (
            {"dsn_env": "postgresql://u:secret@h/d"},
            "the name of an environment variable; found something else",
        ),
        ({"lag": "soon"}, r"loader.lag: expected a time such as 5 minutes"),
        ({"keys": "id"}, r"loader.keys: .* did you mean key"),
    ],
)
def test_a_wrong_declaration_is_refused_with_words(
    database: Database,
    shop: Database,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: dict[str, Any],
    expected: str,
) -> None:
    """The message names the key, or what the other server has; nothing lands, no secret is shown."""
    monkeypatch.setenv("SHOP_DSN", shop.dsn)
    settings = settings_for(database.settings, declare(tmp_path, "shop", {**LOADER, **change}))
    with pytest.raises(UsageError, match=expected) as raised:
        land(settings)
    assert "secret" not in str(raised.value)


def test_a_server_that_is_away_is_said_without_its_password(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The error names the variable."""
    monkeypatch.setenv("SHOP_DSN", "postgresql://someone:secret@127.0.0.1:9/shop")
    with pytest.raises(HeadgateError, match="the server of SHOP_DSN") as raised:
        land(settings)
    assert "secret" not in str(raised.value)
