"""Any Python as a model: a process of its own, asked by lines of JSON, restarted when it dies.

The process gets no setting and no secret of the server's environment. It is no sandbox: it runs as the
server's user.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import orjson

from headgate import environments
from headgate.errors import UsageError
from headgate.model.encoding import plain
from headgate.model.flavours import pyfunc_runner
from headgate.model.flavours.base import (
    Encoded,
    PredictionError,
    Rows,
    Score,
    UnansweredError,
    Values,
    checked,
    is_number,
    unusable,
)
from headgate.model.package import MAIN_FILES, Package, sha256

#: Seconds, unless model.json says others: for a call, and for importing the model.
SECONDS = 10.0
SECONDS_TO_START = 120.0
#: Variables that the process gets.
PASSED = ("PATH", "LANG", "LC_ALL", "TZ", "TMPDIR")


class PyFunc:
    """A folder of Python files of which one has `predict(rows) -> values`; rows are mappings by input."""

    waits = True
    explains = False
    encoder = None
    contributions = Encoded.contributions

    def __init__(self, package: Package, home: Path | None = None) -> None:
        self.name = package.name
        self.task = package.task
        declared = _declared(package)
        self._seconds = float(declared.get("timeout_seconds", SECONDS))
        self._module, self._function = declared["module"], declared.get("function", "predict")
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="headgate_model_")
        package.write(Path(self._folder.name))
        self._python = _python(package, declared.get("lock"), home)
        self._process: _Process | None = None
        try:
            self._running()
        except BaseException:
            self.close()
            raise

    def predict(self, rows: Rows) -> list[Score]:
        """A score for each row; waits for the process."""
        given = [dict(cast(Mapping[str, Any], row)) for row in rows]
        line = orjson.dumps({"rows": given}, default=plain)
        if not self._lock.acquire(timeout=self._seconds):
            raise self._unanswered(f"none after {self._seconds:g} seconds, in which others were answered")
        try:
            answer = self._asked(line)
        finally:
            self._lock.release()
        values = answer.get("values")
        if not isinstance(values, list) or len(values) != len(given):
            found = f"{len(values)} values" if isinstance(values, list) else answer.get("error", "no list")
            raise self._error(f"a list of {len(given)} values from {self._function}()", str(found))
        if self.task == "custom" and not all(map(_is_answer, values)):
            said = [value if _is_answer(value) else None for value in values]
            raise unusable(self.name, self.task, said)
        return checked(self.name, self.task, values)

    def predict_one(self, row: Values) -> Score:
        """The score of one row; waits for the process."""
        return self.predict([row])[0]

    def close(self) -> None:
        """Ends the process and removes its files."""
        self._end()
        self._folder.cleanup()

    @property
    def process_id(self) -> int | None:
        """The process that computes, None while there is none."""
        return self._process.popen.pid if self._process else None

    def _asked(self, line: bytes) -> dict[str, Any]:
        try:
            return self._running().ask(line, self._seconds)
        except (TimeoutError, OSError, ValueError) as error:
            self._end()
            is_late = isinstance(error, TimeoutError)
            found = f"none after {self._seconds:g} seconds" if is_late else "its process ended"
            raise self._unanswered(found) from error

    def _running(self) -> _Process:
        if self._process is None:
            self._process = _Process(self._python, self._folder.name, self._module, self._function)
            try:
                answer = self._process.answer(time.monotonic() + SECONDS_TO_START)
            except (TimeoutError, OSError, ValueError) as error:
                answer = {"error": f"{type(error).__name__} while it started"}
            if not answer.get("ready"):
                self._end()
                raise self._error(
                    f"module {self._module} with {self._function}(rows)", answer.get("error", "none")
                )
        return self._process

    def _end(self) -> None:
        if self._process is not None:
            self._process.end()
            self._process = None

    def _error(
        self, expected: str, found: str, kind: type[PredictionError] = PredictionError
    ) -> PredictionError:
        return kind(
            f"model {self.name}",
            expected=expected,
            found=found,
            next_step="look at the model's code; what it printed stands in the server's log",
        )

    def _unanswered(self, found: str) -> PredictionError:
        return self._error("an answer", found, UnansweredError)


def _is_answer(value: Any) -> bool:
    """Whether a custom model's value is an answer: nothing is none, nor is what JSON cannot hold."""
    if value is None or isinstance(value, int | float):
        return isinstance(value, bool) or is_number(value)
    try:
        orjson.dumps(value)
    except orjson.JSONEncodeError:
        # Half a surrogate pair, a whole number of more than 64 bits.
        return False
    return True


def _python(package: Package, lock: str | None, home: Path | None) -> str:
    """The Python that runs a model: the server's own, or one with what the lock in its package names."""
    if lock is None:
        return sys.executable
    if lock not in package.files:
        raise UsageError(
            f"model {package.name}, lock {lock}",
            expected="a file of the package",
            found=", ".join(sorted(package.files)),
            next_step="add it, or name none to run with the server's own packages",
        )
    content = package.files[lock]
    kept = home or Path.home() / ".cache" / "headgate"
    return str(environments.python(kept, sha256(content)[:16], content, of=f"model {package.name}"))


class _Process:
    """The process, and what it has written so far."""

    def __init__(self, python: str, folder: str, module: str, function: str) -> None:
        self.popen = subprocess.Popen(
            [python, "-u", pyfunc_runner.__file__, folder, module, function],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=folder,
            env={name: os.environ[name] for name in PASSED if name in os.environ},
            # Ctrl-C is for the server, which answers first; what the model starts ends with it.
            start_new_session=True,
        )
        assert self.popen.stdin is not None
        assert self.popen.stdout is not None
        self._stdin, self._stdout = self.popen.stdin.fileno(), self.popen.stdout.fileno()
        os.set_blocking(self._stdin, False)
        self._pending = b""

    def ask(self, line: bytes, seconds: float) -> dict[str, Any]:
        """The answer to one line.

        Raises:
            TimeoutError: none came in time.
            OSError: the process is gone.
            ValueError: what came is no JSON.
        """
        until = time.monotonic() + seconds
        rest = memoryview(line + b"\n")
        while rest:
            self._wait([], [self._stdin], until)
            rest = rest[os.write(self._stdin, rest[: select.PIPE_BUF]) :]
        return self.answer(until)

    def answer(self, until: float) -> dict[str, Any]:
        """The next line that it writes; raises as `ask`."""
        while b"\n" not in self._pending:
            self._wait([self._stdout], [], until)
            part = os.read(self._stdout, 1 << 16)
            if not part:
                raise BrokenPipeError
            self._pending += part
        line, _, self._pending = self._pending.partition(b"\n")
        found: dict[str, Any] = json.loads(line)
        return found

    def end(self) -> None:
        """Kills it, and what it has started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait()
        for pipe in (self.popen.stdin, self.popen.stdout):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()

    def _wait(self, reading: Sequence[int], writing: Sequence[int], until: float) -> None:
        poll = select.poll()
        for descriptor in (*reading, *writing):
            poll.register(descriptor, select.POLLIN if descriptor in reading else select.POLLOUT)
        if not poll.poll(max(until - time.monotonic(), 0) * 1000):
            raise TimeoutError


def _declared(package: Package) -> dict[str, Any]:
    """What model.json says: module, and perhaps function, timeout_seconds and lock."""
    try:
        found = json.loads(package.files[MAIN_FILES["pyfunc"]])
        module = found["module"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"model {package.name}, file {MAIN_FILES['pyfunc']}",
            expected='an object such as {"module": "scoring", "timeout_seconds": 10}',
            found=f"{type(error).__name__}",
            next_step="name the module of the package that has predict(rows)",
        ) from error
    if f"{module.replace('.', '/')}.py" not in package.files:
        raise UsageError(
            f"model {package.name}, module {module}",
            expected=f"a file {module.replace('.', '/')}.py in the package",
            found=", ".join(sorted(package.files)),
            next_step="add the file, or name another module in model.json",
        )
    return found  # type: ignore[no-any-return]
