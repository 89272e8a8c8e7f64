"""What the demonstration says at its end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from rich.console import Console

from headgate.settings import load_settings
from headgate.sources.hour_names import HOUR
from headgate_github.archive import file_name
from headgate_github.demo.account import load_queries, print_account
from headgate_github.demo.hours import LAST, next_hour

UNREACHABLE = "http://127.0.0.1:9"


def settings(folder: Path, **more: str) -> Any:
    """Settings of a machine that reaches no archive."""
    return load_settings({"HEADGATE_HOME": str(folder), "HEADGATE_ARCHIVE_URL": UNREACHABLE, **more})


def test_offline_the_next_hour_is_generated(tmp_path: Path) -> None:
    """Nothing is to be downloaded where nothing can be."""
    commands = next_hour(settings(tmp_path))
    assert "--from" not in commands.splitlines()[-1]
    assert commands.startswith("headgate synth --from 2016-01-01T13 ")
    assert commands.endswith(f"headgate land gharchive {tmp_path}/demo/2016-01-01-13.json.gz")


def test_the_next_hour_is_landed_where_there_is_one(tmp_path: Path) -> None:
    """From a folder that holds it."""
    (tmp_path / file_name(LAST + HOUR)).touch()
    commands = next_hour(settings(tmp_path, HEADGATE_DATA=str(tmp_path)))
    assert commands == "headgate land gharchive --from 2016-01-01T13"


def test_gates_that_warned_are_named() -> None:
    """With how many rows they found."""
    account: dict[str, Any] = {name: [] for name in load_queries()}
    counts = (
        "lines_read",
        "rows_landed",
        "rows_rejected",
        "rows_repaired",
        "typed",
        "quarantined",
        "duplicates",
    )
    account["loads"] = [{"loads": 1, **dict.fromkeys(counts, 0)}]
    account["gates"] = [{"gates": 2, "passed": 1, "warned": 1}]
    account["warned"] = [{"gate": "pull_requests_close_after_they_open", "model": "m", "failures": 3}]
    text = io.StringIO()
    print_account(Console(file=text, width=80), account, "generated", {})
    assert "1 of 2 passed, 1 warned" in text.getvalue()
    assert "warned: pull_requests_close_after_they_open (3 rows)" in text.getvalue()
