"""What all commands that write files have in common: their options, and what they say."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from headgate.scaffold.files import NewFiles
from headgate.scaffold.staging import Check

Command = Callable[..., Any]


def writes_files(command: Command) -> Command:
    """The options of everything that writes files."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Print JSON."),
        click.option("--overwrite", is_flag=True, help="Overwrite existing files."),
        click.option("--dry-run", is_flag=True, help="Preview the files; write nothing."),
    ):
        command = option(command)
    return command


def finish(
    files: NewFiles,
    check: Check,
    next_steps: Sequence[str],
    *,
    commit: Callable[[], None] | None,
    dry_run: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Checks, writes, and says what was written, what it passed and what to do next."""
    if dry_run:
        _say(files, files.changed(), [], [], as_json=as_json, verb="would write")
        return
    written = files.write(overwrite=overwrite, check=check, commit=commit)
    _say(files, written.paths, written.passed, next_steps, as_json=as_json, verb="wrote")


def _say(
    files: NewFiles,
    written: Sequence[str],
    passed: Sequence[str],
    next_steps: Sequence[str],
    *,
    as_json: bool,
    verb: str,
) -> None:
    if as_json:
        parts = {"written": list(written), "passed": list(passed), "next_steps": list(next_steps)}
        click.echo(json.dumps(parts, indent=2))
        return
    for path in written:
        edited = path in files.edits and verb == "wrote"
        click.echo(f"{'changed' if edited else verb}  {_seen_from_here(files.project_dir / path)}")
    if not written:
        click.echo("nothing to write: all files stand as they would be written")
    for check in passed:
        click.echo(f"passed {check}")
    for step in next_steps:
        click.echo(f"next   {step}")


def _seen_from_here(path: Path) -> Path:
    here = Path.cwd()
    return path.relative_to(here) if path.is_relative_to(here) else path
