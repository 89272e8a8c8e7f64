"""An endpoint with pages of tickets, and a pull of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from headgate.pulling import Pulled, pull
from tests.integration.api_server import Reply, Request, serving
from tests.small_project import declare, settings_for
from tests.support import Database

LANDED = "staging_tickets.records"
#: What the server gives of a page at most, whatever it is asked for.
MOST = 20


def emptied(database: Database) -> Iterator[Database]:
    """The database, without what lands in it meanwhile."""
    yield database
    database.query("drop schema if exists staging_tickets cascade")
    for table in ("rejects", "repairs", "loads", "source_state"):
        database.query(f"delete from ops.{table}")


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
