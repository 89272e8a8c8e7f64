"""Forks programs from a process that has imported their libraries and has had dbt read the project already.

A script that `tests.forked` starts once in a run of tests, with the run's folder: it listens there until
the run is over. A call is a connection: JSON with words, env, cwd and session comes in, with a file each
for input, output and errors; the process id goes out, then the exit code. What a call starts in turn is
forked too. Mage's libraries take as long again: they have a process of their own, forked from the first.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import socket
import sys
import threading
import time
import traceback
import types
from pathlib import Path
from typing import Any

import forked

#: Libraries that take long to import; none of them starts a thread by that.
LIBRARIES = (
    "alembic.command",
    "asyncpg",
    "dbt.adapters.postgres",
    "dbt.cli.main",
    "httpx",
    "psycopg2",
    "pyarrow.parquet",
    "rich.console",
    "sqlalchemy",
    "sqlglot",
    "structlog",
)
#: What Mage imports; its own modules read their environment when they are imported.
MAGE_LIBRARIES = (
    "aiohttp",
    "IPython",
    "jupyter_client",
    "pandas",
    "ruamel.yaml",
    "scipy.stats",
    "sklearn.base",
)
ENDING = {"dbt", "-u"}
PROGRAMS = {"headgate": ("headgate.cli.main", "main"), "dbt": ("dbt.cli.main", "cli")}


def main() -> None:
    """Prepares, tells that it is ready, serves."""
    folder = Path(sys.argv[1])
    forked.replace_popen(folder)
    prepare(LIBRARIES)
    remember_templates(folder / "templates")
    leave_out_what_nobody_sees()
    read_project(folder / "parsed")
    serve(forked.address(folder, forked.DBT))


def prepare(libraries: tuple[str, ...]) -> None:
    """Imports libraries and Headgate's modules."""
    import headgate

    for name in libraries:
        importlib.import_module(name)
    for module in pkgutil.walk_packages(headgate.__path__, "headgate."):
        if "migrations" not in module.name and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def remember_templates(folder: Path) -> None:
    """Jinja compiles a text once in a run of tests: of what dbt hands it, it keeps nothing itself."""
    from jinja2 import Environment, FileSystemBytecodeCache

    folder.mkdir()
    kept = FileSystemBytecodeCache(str(folder))
    compile_anew = Environment.compile

    def compiled(
        self: Environment,
        source: Any,
        name: str | None = None,
        filename: str | None = None,
        raw: bool = False,
        defer_init: bool = False,
    ) -> Any:
        if raw or not isinstance(source, str):
            return compile_anew(self, source, name, filename, raw, defer_init)
        dialect = [type(self).__qualname__, *sorted(self.extensions)]
        bucket = kept.get_bucket(self, f"{dialect} {name} {source}", filename, source)
        if bucket.code is None:
            bucket.code = compile_anew(self, source, name, filename, raw, defer_init)
            kept.set_bucket(bucket)
        return bucket.code

    Environment.compile = compiled  # type: ignore[assignment,method-assign]


def leave_out_what_nobody_sees() -> None:
    """Spares dbt the events below the level of its logs, and the parsers of dates for results of statements.

    It makes each event, and its line, before it looks at the level; and JSON in pieces, where one call does.
    """
    import parsedatetime  # type: ignore[import-untyped]
    from dbt_common.events.base_types import BaseEvent, DebugLevel, EventLevel
    from dbt_common.events.event_manager import EventManager

    unseen = {EventLevel.DEBUG, EventLevel.TEST}
    fire = EventManager.fire_event

    def fire_event(self: EventManager, e: BaseEvent, level: Any = None, *rest: Any, **named: Any) -> None:
        is_seen = (level or e.level_tag()) not in unseen
        if is_seen or self.callbacks or any(logger.level in unseen for logger in self.loggers):
            fire(self, e, level, *rest, **named)

    def given(self: DebugLevel, *args: Any, **kwargs: Any) -> None:
        self.__dict__["given"] = args, kwargs

    def message(self: DebugLevel) -> Any:
        if "message" not in self.__dict__:
            args, kwargs = self.__dict__["given"]
            BaseEvent.__init__(self, *args, **kwargs)
        return self.__dict__["message"]

    DebugLevel.__init__ = given  # type: ignore[assignment,method-assign]
    DebugLevel.pb_msg = property(message, lambda self, made: self.__dict__.update(message=made))  # type: ignore[assignment]
    EventManager.fire_event = fire_event  # type: ignore[method-assign]
    parsedatetime.Constants = functools.cache(parsedatetime.Constants)
    json.dump = lambda found, file, **options: file.write(json.dumps(found, **options))


def read_project(folder: Path) -> None:
    """Has dbt read the project for nobody's database (`tests.parsed`); what it made of its classes stays."""
    from dbt.cli.main import dbtRunner

    before = dict(os.environ)
    os.environ.update(forked.NOWHERE)
    dbtRunner().invoke(["parse", "--quiet", *forked.folders(folder)])
    os.environ.clear()
    os.environ.update(before)


def serve(address: str) -> None:
    """Tells on its output that it is ready, takes calls until the run is over: its input ends then."""
    gc.collect()
    gc.freeze()
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        listener.listen(100)
        os.write(1, b"ready")
        # By what tells the end of a program (pidfd): the program, and who waits for it.
        running: dict[int, tuple[int, socket.socket]] = {}
        while 0 not in (ready := select.select([listener, 0, *running], [], [])[0]):
            for ended in running.keys() & set(ready):
                finish(ended, *running.pop(ended))
            if listener in ready:
                connection, _ = listener.accept()
                take(connection, listener, running)


def take(
    connection: socket.socket, listener: socket.socket, running: dict[int, tuple[int, socket.socket]]
) -> None:
    """Forks a process for a call."""
    try:
        request, files = forked.receive(connection)
    except (EOFError, TimeoutError):
        connection.close()  # who called was killed
        return
    pid = os.fork()
    if pid == 0:
        for ended, (_, waiting) in running.items():
            os.close(ended)
            waiting.close()
        connection.close()
        listener.close()
        os._exit(begin(request, files))
    for file in files:
        os.close(file)
    running[os.pidfd_open(pid)] = pid, connection
    tell(connection, pid)


def begin(request: dict[str, Any], files: list[int]) -> int:
    """What a call asked for, in a process of its own; its exit code."""
    become(request, files)
    if request["words"][0] != forked.MAGE:
        return run(request["words"])
    prepare(MAGE_LIBRARIES)
    serve(request["words"][1])
    return 0


def finish(ended: int, pid: int, connection: socket.socket) -> None:
    """Says how a program ended."""
    os.close(ended)
    tell(connection, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
    connection.close()


def tell(connection: socket.socket, number: int) -> None:
    """Answers who may wait no more."""
    with contextlib.suppress(BrokenPipeError):
        connection.sendall(f"{number}\n".encode())


def become(request: dict[str, Any], files: list[int]) -> None:
    """Takes on the files, environment, folder and session of a call."""
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    # Streams learn of what they are opened whether it can be wound back.
    sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
    os.environ.clear()
    os.environ.update(request["env"])
    time.tzset()
    os.chdir(request["cwd"])
    if request["session"]:
        os.setsid()


def run(words: list[str]) -> int:
    """Runs a program as the interpreter would; its exit code.

    dbt and Mage's runs end before it would pay to look for cycles, which takes them a tenth of their time.
    """
    if words[0] in ENDING:
        gc.disable()
    try:
        if words[0] == "-u":
            words = words[1:]
            sys.stdout.reconfigure(write_through=True)  # type: ignore[union-attr]
        execute(words)
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


def execute(words: list[str]) -> None:
    """Runs a program of the environment, a module, a text or a script."""
    bin_dir = Path(sys.executable).parent
    sys.path[0] = str(bin_dir) if words[0] in PROGRAMS else ""
    match words:
        case ["headgate" | "dbt" as name, *arguments]:
            sys.argv = [str(bin_dir / name), *arguments]
            # Processes that it spawns would read this file as theirs.
            sys.modules["__main__"] = types.ModuleType("__main__")
            module, function = PROGRAMS[name]
            getattr(importlib.import_module(module), function)()
        case ["-m", name, *arguments]:
            sys.argv = [name, *arguments]
            sys.modules.pop(name, None)
            runpy.run_module(name, run_name="__main__", alter_sys=True)
        case ["-c", text, *arguments]:
            sys.argv = ["-c", *arguments]
            exec(text, {"__name__": "__main__"})
        case [script, *arguments]:
            sys.argv = [script, *arguments]
            sys.path[0] = str(Path(script).parent)
            runpy.run_path(script, run_name="__main__")


if __name__ == "__main__":
    main()
