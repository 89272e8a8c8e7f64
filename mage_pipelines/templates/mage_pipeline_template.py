<# Template of mage_pipelines/utils/NAME.py: what the blocks of a pipeline call. Values: name, type (batch or
   streaming). #>
"""What the blocks of ${name} call: functions that need no Mage.

<% if type == "batch" %>
Data flow: load -> transform -> check -> export.
<% else %>
Data flow: source -> transform -> write.
<% endif %>
"""

from __future__ import annotations

<% if type == "batch" %>
import asyncio
<% endif %>
import json
from typing import Any

<% if type == "batch" %>
from headgate import postgres
<% endif %>
from headgate.settings import load_settings
<% if type == "batch" %>

#: What this pipeline reads. As generated: the loads of the last day, by source and status.
QUERY = """
    select source, status, count(*) as loads, coalesce(sum(rows_landed), 0)::bigint as rows
    from ops.loads
    where started_at > now() - interval '1 day'
    group by source, status
    order by source, status
"""


def load() -> dict[str, Any]:
    """Rows of the query: few, for Mage keeps what blocks hand on. Many rows belong into a dbt model.

    A mapping, for Mage takes a list for the outputs of several blocks.
    """
    return {"rows": asyncio.run(_rows(QUERY))}


def transform(found: dict[str, Any]) -> dict[str, Any]:
    """The totals of all rows, and the rows."""
    return {"loads": sum(row["loads"] for row in found["rows"]), "rows": found["rows"]}


def check(result: dict[str, Any]) -> None:
    """The gate: nothing is exported unless this passes."""
    counted = sum(row["loads"] for row in result["rows"])
    assert counted == result["loads"], f"expected {counted} loads, found {result['loads']}"


def export(result: dict[str, Any]) -> dict[str, Any]:
    """Writes a file below HEADGATE_HOME; what it returns stands in Mage's log."""
    file = load_settings().home / "exports" / "${name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(result, indent=2), encoding="utf-8")
    return {"loads": result["loads"], "file": str(file)}


async def _rows(query: str) -> list[dict[str, Any]]:
    connection = await postgres.connect(load_settings())
    try:
        return [dict(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()
<% else %>


def transform(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The messages that are worth keeping; a pure function, for a message may come more than once."""
    return [message for message in messages if message]


def write(messages: list[dict[str, Any]]) -> None:
    """Appends a batch to a file below HEADGATE_HOME."""
    file = load_settings().home / "exports" / "${name}.jsonl"
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        lines.writelines(f"{json.dumps(message)}\n" for message in messages)
<% endif %>
