"""Compiles the dbt project twice, without asking the database, so that every model tells its definition.

Run as a program, because dbt leaves threads, loggers and adapters behind:
`python -m headgate.planning.compiled FILE ARGUMENTS...`: dbt gets the arguments, FILE receives JSON.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from headgate.definitions.seeds import cell

MODES = ("first", "next")
COMPILE = (
    "compile",
    "--select",
    "resource_type:model",
    "--indirect-selection",
    "empty",
    "--no-populate-cache",
)


def main(file: str, *arguments: str) -> int:
    """Writes what is declared; 1 when dbt could not parse or compile, which it has then said on stdout."""
    from dbt.cli.main import dbtRunner

    parsed = dbtRunner().invoke(["parse", *arguments])
    if not parsed.success:
        return _say(parsed.exception)
    manifest: Any = parsed.result
    sql: dict[str, dict[str, str]] = {}
    for mode in MODES:
        compiled = dbtRunner(manifest=manifest).invoke(
            [*COMPILE, "--vars", json.dumps({"canonical_mode": mode}), *arguments]
        )
        if not compiled.success:
            return _say(compiled.exception)
        results: Any = compiled.result
        for result in results:
            sql.setdefault(result.node.unique_id, {})[mode] = result.node.compiled_code
    nodes = manifest.nodes
    models = [_describe(nodes[unique_id], nodes, found) for unique_id, found in sorted(sql.items())]
    read = {name for model in models for name in model["seeds"]}
    seeds = {
        node.checksum.checksum: _rows(node)
        for node in nodes.values()
        if node.resource_type == "seed" and node.alias in read
    }
    Path(file).write_text(json.dumps({"models": models, "seeds": seeds}))
    return 0


def _rows(seed: Any) -> list[dict[str, str | None]]:
    """What stands in a seed's file, read as dbt reads it to load it."""
    from dbt_common.clients import agate_helper

    types = seed.config.column_types
    path = Path(seed.root_path) / seed.original_file_path
    table = agate_helper.from_csv(path, text_columns=types, delimiter=seed.config.delimiter)
    return [
        {name: cell(value, types.get(name)) for name, value in zip(table.column_names, row, strict=True)}
        for row in table.rows
    ]


def _say(exception: BaseException | None) -> int:
    if exception is not None:
        sys.stdout.write(f"{exception}\n")
    return 1


def _describe(node: Any, nodes: Any, sql: dict[str, str]) -> dict[str, Any]:
    """One model: what `definition()` in macros/definitions records of it, and its contract."""
    texts = {mode: text.replace(f'"{node.database}".', "").strip() for mode, text in sql.items()}
    parents = [nodes[parent] for parent in node.depends_on.nodes if parent in nodes]
    read = [one for one in parents if any(f'"{one.schema}"."{one.alias}"' in text for text in texts.values())]
    key = [constraint.columns for constraint in node.constraints if constraint.type.value == "primary_key"]
    return {
        "name": node.alias,
        "layer": node.fqn[1],
        "schema": node.schema,
        "materialized": node.config.materialized,
        "first_sql": texts["first"],
        "next_sql": texts["next"] if node.config.materialized == "incremental" else texts["first"],
        "settings": {"unique_key": node.config.unique_key},
        "upstream": sorted(one.alias for one in read if one.resource_type == "model"),
        "seeds": {one.alias: one.checksum.checksum for one in read if one.resource_type == "seed"},
        "columns": [[column.name, column.data_type] for column in node.columns.values()],
        "primary_key": key[0] if key else [],
    }


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
