"""Small deliveries for tests of landing."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

from tests.support import Database

HOUR = "2016-01-01-1.json.gz"

#: A hash of all that landed, the same whatever the loads' numbers are.
CONTENT = """
    select md5(string_agg(
        concat_ws('|', partition_start, line_number, record_id, record_type, recorded_at, record), ','
        order by partition_start, line_number
    ))
    from staging_gharchive.events join ops.loads using (load_id)
"""


def event(number: int, **more: Any) -> dict[str, Any]:
    """An event without personal data."""
    return {
        "id": str(number),
        "type": "WatchEvent",
        "actor": {"id": number % 7, "login": f"user-{number % 7}"},
        "repo": {"id": 1, "name": "a/b"},
        "payload": {"action": "started", "text": "x" * (number % 3000)},
        "created_at": f"2016-01-01T01:{number % 60:02}:00Z",
        **more,
    }


def push(number: int, email: str, **more: Any) -> dict[str, Any]:
    """A push with the address of its author."""
    commit = {"sha": f"{number:040x}", "author": {"email": email, "name": "Ann"}, "message": "m"}
    return event(number, type="PushEvent", payload={"commits": [commit]}, **more)


def as_lines(events: list[dict[str, Any]]) -> list[bytes]:
    """Events as JSON lines without newlines."""
    return [json.dumps(item, separators=(",", ":"), ensure_ascii=False).encode() for item in events]


def write_hour(folder: Path, lines: list[bytes], name: str = HOUR) -> Path:
    """A gzip file of lines."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_bytes(gzip.compress(b"".join(line + b"\n" for line in lines), mtime=0))
    return file


def partitions(database: Database) -> int:
    """How many partitions the landing table has, and tables that look like one."""
    attached = database.value(
        "select count(*) from pg_inherits where inhparent = 'staging_gharchive.events'::regclass"
    )
    tables = database.value("select count(*) from pg_tables where schemaname = 'staging_gharchive'")
    assert tables == attached + 1, "a table was left behind"
    return int(attached)
