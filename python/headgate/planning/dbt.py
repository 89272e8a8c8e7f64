"""Runs dbt on the project, in a process of its own."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from headgate import postgres, private
from headgate.errors import UsageError
from headgate.settings import Settings
from headgate.yaml_files import read_yaml

#: dbt's own progress, for instance `12 of 87 PASS not_null_...`.
PROGRESS = re.compile(r"\b(\d+) of (\d+) (?:START|OK|PASS|WARN|FAIL|ERROR|SKIP)\b")
#: How much of what dbt said an error repeats.
LAST_LINES = 3
PROJECT = "dbt_project.yml"
#: What dbt says of a `ref()` that leads nowhere.
_MISSING = re.compile(r"depends on a node named '(\w+)'")
_COLOUR = re.compile(r"\x1b\[\d*m")

#: Called with how many of how many nodes are done.
Progress = Callable[[int, int], None]


def run(settings: Settings, command: Sequence[str], progress: Progress | None = None) -> tuple[int, str]:
    """Runs a program that takes dbt's options for folders; (exit code, the last that it said)."""
    forget_other_sources(settings)
    process = subprocess.Popen(
        [*command, *folders(settings)],
        cwd=settings.project_dir,
        env=_environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
    )
    said: list[str] = []
    assert process.stdout is not None
    try:
        for line in process.stdout:
            told = _COLOUR.sub("", line).strip()
            # Behind a sentence dbt lists the macros that led to it.
            if told and not told.startswith("> "):
                said = [*said, told][-LAST_LINES:]
            found = PROGRESS.search(line)
            if found and progress:
                progress(int(found[1]), int(found[2]))
        return process.wait(), " ".join(said)
    finally:
        if process.poll() is None:
            process.terminate()
            process.wait()


def forget_other_sources(settings: Settings) -> None:
    """Has dbt read every file again where the project's sources are others than when it last did.

    Which sources there are is read from the names of macros (`observed_sources`), which partial parsing does
    not notice.
    """
    macros = (settings.project_dir / "macros").rglob("*_schema_generation.sql")
    named = "\n".join(sorted(macro.stem for macro in macros))
    note = settings.home / "dbt" / "sources"
    if note.exists() and note.read_text() == named:
        return
    for parsed in settings.home.glob("*/*/partial_parse.msgpack"):
        parsed.unlink(missing_ok=True)
    private.folder(note.parent)
    note.write_text(named)


def missing_label_spine(settings: Settings, said: str) -> UsageError | None:
    """What dbt said, in terms of `label_spines`, where a spine that it names is no model any more; else None.

    dbt itself blames the model that reads all of them.
    """
    missing = _MISSING.search(said)
    if missing is None:
        return None
    project: Any = read_yaml(settings.project_dir / PROJECT)
    if missing[1] not in (project.get("vars") or {}).get("label_spines", ()):
        return None
    return UsageError(
        f"label_spines in {PROJECT}",
        expected="models of this project",
        found=f"{missing[1]}, which is none, or is disabled",
        next_step=f"take {missing[1]} out of label_spines, or bring its file back",
    )


def folders(settings: Settings) -> list[str]:
    """Options that keep what a plan writes apart from what other runs of dbt write."""
    own = settings.home / "plan"
    options = {
        "--project-dir": settings.project_dir,
        "--profiles-dir": _profiles(settings, own),
        "--target-path": own / "target",
        "--log-path": settings.home / "logs",
    }
    return [str(word) for option in options.items() for word in option]


def program(name: str) -> str:
    """A program of this environment."""
    return str(Path(sys.executable).with_name(name))


def _profiles(settings: Settings, own: Path) -> Path:
    """The folder with profiles.yml; a copy of the example where the project has none."""
    if (settings.project_dir / "profiles.yml").exists():
        return settings.project_dir
    private.folder(own)
    shutil.copyfile(settings.project_dir / "profiles.example.yml", own / "profiles.yml")
    return own


def _environment(settings: Settings) -> dict[str, str]:
    return {
        **os.environ,
        **postgres.libpq_env(settings),
        "PWD": str(settings.project_dir),
        "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
        "PYTHONWARNINGS": "ignore",
    }
