"""A table of another PostgreSQL, the shop's orders, and a source that declares it."""

from __future__ import annotations

import asyncio

from headgate.pulling import Pulled, pull
from headgate.settings import Settings
from tests.support import Database

LANDED = "staging_shop.records"
TABLE = """
    create table public.orders (
        id bigint, part text, updated_at timestamptz default now(), record jsonb, primary key (id, part)
    );
    create index on public.orders (updated_at, id, part)
"""
LOADER = {
    "type": "postgres_jsonb",
    "dsn_env": "SHOP_DSN",
    "table": "public.orders",
    "record": "record",
    "key": ["id", "part"],
    "cursor": "updated_at",
    "lag": "2 seconds",
}


def land(settings: Settings) -> Pulled:
    """One pull, that says nothing."""
    return asyncio.run(pull(settings, "shop", lambda _: None))


def fill(shop: Database, first: int, last: int, *, age: str = "1 hour") -> None:
    """Orders, a microsecond apart."""
    shop.query(
        """
        insert into public.orders
        select n, 'a', now() - %s::interval + n * interval '1 us',
            jsonb_build_object('id', n, 'email', 'someone@example.org', 'text', repeat('x', 50 + n %% 100))
        from generate_series(%s, %s) as n
        """,
        age,
        first,
        last,
    )
