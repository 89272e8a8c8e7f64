"""Runs in the process of a pyfunc model, perhaps of another Python: knows the standard library only.

Arguments: the folder of the model's files, the module, and its function, `predict(rows) -> values`. Reads a
line of JSON for each call, `{"rows": [...]}`, and writes one, `{"values": [...]}` or `{"error": ...}`. What
the model prints goes to stderr.
"""

from __future__ import annotations

import importlib
import json
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, TextIO


def main(folder: str, module: str, name: str) -> None:
    """Answers until its input ends."""
    # What the model prints must not meet the answers.
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    calls: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(calls,), daemon=True).start()
    sys.path.insert(0, folder)
    answered = _try(lambda: {"ready": callable(getattr(importlib.import_module(module), name))}, folder)
    _write(answers, answered)
    if answered.get("ready"):
        function = getattr(importlib.import_module(module), name)
        while True:
            rows = json.loads(calls.get())["rows"]
            _write(answers, _try(lambda: {"values": _values(function(rows))}, folder))  # noqa: B023


def _read(calls: queue.SimpleQueue[str]) -> None:
    for line in sys.stdin:
        calls.put(line)
    # The server is gone, whatever is being computed; so are processes that the model has started.
    if os.getpgrp() == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os._exit(0)


def _values(found: Any) -> list[Any]:
    values: list[Any] = found.tolist() if hasattr(found, "tolist") else list(found)
    json.dumps(values)
    return values


def _try(work: Callable[[], dict[str, Any]], folder: str) -> dict[str, Any]:
    """What `work` gives, or where it failed and with what; not the message, which may tell of a record."""
    try:
        return work()
    except BaseException as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if frame.filename.startswith(folder)]
        where = f" at {os.path.relpath(own[-1].filename, folder)}:{own[-1].lineno}" if own else ""
        return {"error": f"{type(error).__name__}{where}"}


def _write(answers: TextIO, answer: dict[str, Any]) -> None:
    answers.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
