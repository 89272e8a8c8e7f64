"""Runs Mage pipelines to their end in a process of their own, without Mage's scheduler.

Data flow: mage_pipelines/utils/run_pipeline.py -> events and chatter -> events here, chatter to a log file.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from headgate import postgres, private
from headgate.errors import ConfirmationRequired, GateFailed, HeadgateError, UsageError
from headgate.gates import results
from headgate.pipelines.environment import ensure_profiles, mage_env, mage_project
from headgate.pipelines.project import read_mapping
from headgate.planning.dbt import missing_label_spine
from headgate.settings import Settings

EVENT_MARK = "\x1eheadgate "
#: dbt's own progress, for instance `12 of 87 PASS not_null_...`.
DBT_PROGRESS = re.compile(r"\b(\d+) of (\d+) (?:START|OK|PASS|WARN|FAIL|ERROR|SKIP)\b")
SECONDS_TO_STOP = 10
_FRAME = re.compile(r"> |CONTEXT:|\w+ Error$|\w+ Error in (operation|macro) ")


@dataclass(kw_only=True)
class Run:
    """One run of a pipeline, as far as it has come."""

    pipeline: str
    #: What Mage, dbt and the blocks printed.
    log: Path
    #: Block name -> seconds it took, for every block that is done.
    done: dict[str, float] = field(default_factory=dict)
    failed_block: str | None = None
    #: Text of the failed block's error, and its four parts when it was a HeadgateError.
    error: str = ""
    details: dict[str, str] | None = None
    #: What the last block handed on, when it is small and JSON.
    outcome: Any = None


#: Receives `started`, `finished`, and of a block `started`, `progress`, `done`, `skipped`, `failed`.
Listener = Callable[[dict[str, Any]], None]


def pipelines(settings: Settings) -> list[str]:
    """Names of the pipelines in the Mage project."""
    return sorted(path.parent.name for path in mage_project(settings).glob("pipelines/*/metadata.yaml"))


def run(settings: Settings, names: Sequence[str], variables: dict[str, Any], listen: Listener) -> list[Run]:
    """Runs pipelines one after the other, in one process: starting Mage takes longer than most blocks.

    Raises:
        UsageError: there is no such pipeline.
        GateFailed: a gate failed; names model, gate, rows and where they are.
        HeadgateError: another block failed.
    """
    require(settings, names)
    ensure_profiles(settings)
    began = asyncio.run(_server_time(settings))
    log_file = _log_file(settings, names[0])
    runs = [Run(pipeline=name, log=log_file) for name in names]
    current = iter(runs)
    state = runs[0]
    with _child(settings, names, variables) as child, log_file.open("w", encoding="utf-8") as log:
        assert child.stdout is not None
        for line in child.stdout:
            if EVENT_MARK not in line:
                log.write(line)
            for event in _events(line):
                if event["event"] == "started":
                    state = next(current)
                _apply(state, event)
                listen(event)
        exit_code = child.wait()
    if exit_code != 0:
        raise asyncio.run(_explain(settings, state, began))
    return runs


def takes(settings: Settings, name: str, variable: str) -> bool:
    """Whether a pipeline declares a variable."""
    metadata = read_mapping(mage_project(settings) / "pipelines" / name / "metadata.yaml")
    return variable in (metadata.get("variables") or {})


def require(settings: Settings, names: Sequence[str]) -> None:
    """Refuses names of pipelines that do not exist."""
    known = pipelines(settings)
    if unknown := [name for name in names if name not in known]:
        raise UsageError(
            f"pipeline {unknown[0]}",
            expected=f"one of {', '.join(known)}",
            found="no pipeline of that name",
            next_step="run `headgate run` with one of these names",
        )


def _log_file(settings: Settings, pipeline: str) -> Path:
    folder = private.folder(settings.home / "logs")
    return private.touch(folder / f"{pipeline}-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log")


@contextmanager
def _child(
    settings: Settings, names: Sequence[str], variables: dict[str, Any]
) -> Iterator[subprocess.Popen[str]]:
    """The process that runs the pipelines; it ends when this one does, however this one ends."""
    child = subprocess.Popen(
        [
            sys.executable,
            "-u",
            str(mage_project(settings) / "utils" / "run_pipeline.py"),
            json.dumps(variables),
            *names,
        ],
        cwd=settings.project_dir,
        env=mage_env(settings),
        # The child watches this pipe: it closes when this process dies, even by SIGKILL.
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )
    try:
        yield child
    finally:
        _stop(child)


def _stop(child: subprocess.Popen[str]) -> None:
    for stop in (signal.SIGTERM, signal.SIGKILL):
        if child.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(child.pid, stop)
            with suppress(subprocess.TimeoutExpired):
                child.wait(SECONDS_TO_STOP)
    for pipe in (child.stdin, child.stdout):
        if pipe is not None:
            pipe.close()


def _events(line: str) -> Iterator[dict[str, Any]]:
    _, mark, text = line.partition(EVENT_MARK)
    if mark:
        yield json.loads(text)
    elif found := DBT_PROGRESS.search(line):
        yield {"event": "block_progress", "done": int(found[1]), "total": int(found[2])}


def _apply(state: Run, event: dict[str, Any]) -> None:
    match event["event"]:
        case "block_done":
            state.done[event["block"]] = event["seconds"]
        case "block_failed":
            state.failed_block = event["block"]
            state.error, state.details = event["error"], event.get("details")
        case "finished":
            state.outcome = event.get("outcome")


async def _server_time(settings: Settings) -> datetime:
    """Now, by the clock that gate results are stamped with; also finds out early that there is no server."""
    connection = await postgres.connect(settings)
    try:
        now: datetime = await connection.fetchval("select clock_timestamp()")
        return now
    finally:
        await connection.close()


async def _explain(settings: Settings, state: Run, began: datetime) -> HeadgateError:
    """The error for a run that failed: a gate's, a block's own, or that of Mage itself."""
    if state.failed_block is None:
        return HeadgateError(
            f"pipeline {state.pipeline}",
            expected="Mage to run its blocks",
            found="Mage exited before any block ran",
            next_step=f"read {state.log}",
        )
    if state.details:
        return _from_details(state.details)
    connection = await postgres.connect(settings)
    try:
        failed = await results.failed_since(connection, began)
        # Another run may have failed in the meantime: only gates that the block's own error names count.
        failed = [result for result in failed if result.gate in state.error]
        explained = await results.explanations(connection, failed)
    finally:
        await connection.close()
    if failed:
        return results.failure(failed, block=state.failed_block, log=state.log, explained=explained)
    return missing_label_spine(settings, state.error) or HeadgateError(
        f"block {state.failed_block} of pipeline {state.pipeline}",
        expected="it to complete",
        found=_without_frame(state.error) or "an error without a message",
        next_step=f"read {state.log}",
    )


def _from_details(details: dict[str, str]) -> HeadgateError:
    """A block's own HeadgateError, as it was on the other side."""
    classes = {cls.__name__: cls for cls in (UsageError, GateFailed, ConfirmationRequired)}
    cls = classes.get(details["error"], HeadgateError)
    return cls(
        details["subject"],
        expected=details["expected"],
        found=details["found"],
        next_step=details["next_step"],
    )


def _without_frame(error: str) -> str:
    """An error's text without what dbt and PostgreSQL put around it: headings, macros, contexts."""
    lines = (line.strip() for line in error.splitlines())
    return " ".join(line for line in lines if line and not _FRAME.match(line))
