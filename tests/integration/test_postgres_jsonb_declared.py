"""Tables of another PostgreSQL as they may be declared, and what is refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headgate.errors import HeadgateError, UsageError
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
    loader = {**loader, "include": ["Key", "from"], "record": "Body"}
    shop.query("""update "Odd" set "Body" = '{"id": 2501}' where n = 2501""")
    settings = settings_for(database.settings, declare(tmp_path, "shop", loader))
    shop.query("""insert into "Odd" (n, "Body") values (2504, '{"id": 2504}')""")
    land(settings)
    assert (
        database.value(f"select record ->> 'from' from {LANDED} where record_id = '2504'")
        == "2026-01-01T00:00:00"
    )


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
