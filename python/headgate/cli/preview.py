"""What a new feature view would hold, for `headgate new feature-view --dry-run`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from rich.table import Table

from headgate import postgres
from headgate.cli.console import tables
from headgate.scaffold.checks import first_rows
from headgate.scaffold.files import NewFiles
from headgate.scaffold.staging import try_out
from headgate.settings import Settings


def show_values(settings: Settings, files: NewFiles, name: str) -> None:
    """Prints the columns that a view would have with their types, and the values of its first rows."""
    shown: list[dict[str, Any]] = []

    def look(folder: Path, _: Sequence[str]) -> list[str]:
        shown.extend(first_rows(folder, name, postgres.libpq_env(settings)))
        return []

    try_out(settings.project_dir, files.texts, look)
    table = Table(box=None, pad_edge=False)
    for title in ("column", "type"):
        table.add_column(title, no_wrap=True)
    for number, _ in enumerate(shown, 1):
        table.add_column(f"row {number}", overflow="fold")
    for column in yaml.safe_load(files.texts[f"models/features/{name}.yml"])["models"][0]["columns"]:
        values = (row[column["name"]] for row in shown)
        table.add_row(
            column["name"],
            str(column["data_type"]).replace("timestamp with time zone", "timestamptz"),
            *("-" if value is None else str(value).removesuffix("+00:00") for value in values),
        )
    tables().print(table)
