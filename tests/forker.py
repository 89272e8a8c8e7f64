"""Runs `headgate` and `dbt` in processes forked from one that has imported their libraries already.

A script that `tests.programs` starts with the folder of the environment's programs and a socket's address. A
call is a connection: JSON with program, arguments, env and cwd comes in, with a file each for output and
errors; the process id goes out, then the exit code. Each call imports Headgate's own modules itself.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import socket
import sys
import threading
import time
import traceback
from pathlib import Path
from typing import Any

#: Libraries that take long to import; none of them starts a thread by that.
LIBRARIES = (
    "alembic.command",
    "asyncpg",
    "dbt.adapters.postgres",
    "dbt.cli.main",
    "httpx",
    "psycopg2",
    "rich.console",
    "sqlalchemy",
    "sqlglot",
    "structlog",
)
PROGRAMS = {"headgate": ("headgate.cli.main", "main"), "dbt": ("dbt.cli.main", "cli")}
BYTES = 65_536


def main() -> None:
    """Imports, tells that it is ready, serves."""
    bin_dir, address = Path(sys.argv[1]), sys.argv[2]
    for name in LIBRARIES:
        importlib.import_module(name)
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen()
        print("ready", flush=True)
        serve(bin_dir, listener)


def serve(bin_dir: Path, listener: socket.socket) -> None:
    """Takes calls until the process that started this one is gone: its end of standard input closes then."""
    while sys.stdin not in (ready := select.select([listener, sys.stdin], [], [])[0]):
        assert ready == [listener]
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            handle(bin_dir, connection)
            os._exit(0)
        connection.close()
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def handle(bin_dir: Path, connection: socket.socket) -> None:
    """One call: forks the program, waits for it, says how it ended."""
    request, files = receive(connection)
    pid = os.fork()
    if pid == 0:
        connection.close()
        os._exit(run(bin_dir, request, files))
    connection.sendall(f"{pid}\n".encode())
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    connection.sendall(f"{code}\n".encode())


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The request, and the descriptors that came with its first bytes."""
    text, files, _, _ = socket.recv_fds(connection, BYTES, 2)
    while not text.endswith(b"\n"):
        text += connection.recv(BYTES)
    return json.loads(text), files


def run(bin_dir: Path, request: dict[str, Any], files: list[int]) -> int:
    """Becomes the program and runs it; its exit code."""
    become(bin_dir, request, files)
    module, function = PROGRAMS[request["program"]]
    try:
        getattr(importlib.import_module(module), function)()
        code = 0
    except SystemExit as error:
        code = error.code if isinstance(error.code, int) else int(error.code is not None)
    except BaseException:
        traceback.print_exc()
        code = 1
    # What the interpreter does at its end; taking apart all that was imported takes longer.
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    return code


def become(bin_dir: Path, request: dict[str, Any], files: list[int]) -> None:
    """Takes on the files, environment, folder and arguments of a call."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, file in enumerate((nothing, *files)):
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    sys.argv = [str(bin_dir / request["program"]), *request["arguments"]]
    sys.path[0] = str(bin_dir)


if __name__ == "__main__":
    main()
