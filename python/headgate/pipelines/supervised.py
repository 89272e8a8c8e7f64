"""A server of another program: watched while it runs, stopped with all that it started."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Self

from headgate import private
from headgate.errors import HeadgateError, UsageError
from headgate.pipelines import supervise
from headgate.settings import Settings

SECONDS_TO_START = 180
SECONDS_TO_STOP = 15


class SupervisedServer(ABC):
    """A running server: `with Server(settings, host, port) as server: server.wait()`."""

    #: What messages and the log call it.
    name: str

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        self.settings = settings
        self.host = host
        self.port = port
        self.log = settings.home / "logs" / f"{self.name.lower()}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def command(self) -> list[str]:
        """The program and its arguments."""

    @abstractmethod
    def environment(self) -> dict[str, str]:
        """All of its variables; makes what it needs beforehand."""

    def __enter__(self) -> Self:
        require_free(self.host, self.port)
        env = self.environment()
        private.folder(self.log.parent)
        supervise.adopt_orphans()
        with private.touch(self.log).open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "headgate.pipelines.supervise", *self.command()],
                cwd=self.settings.project_dir,
                env=env,
                # The supervisor watches this pipe: it closes when this process dies, even by SIGKILL.
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def __exit__(self, *exception: object) -> None:
        process = self._process
        if process is None:
            return
        assert process.stdin is not None
        process.stdin.close()
        with suppress(subprocess.TimeoutExpired):
            process.wait(SECONDS_TO_STOP)
        # Nothing is left but where the supervisor was killed.
        supervise.end_descendants()

    def wait_until_ready(self) -> None:
        """Returns when the port answers.

        Raises:
            HeadgateError: the server ended, or took too long.
        """
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self.runs():
            with suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
                return
            time.sleep(0.3)
        raise self.ended()

    def wait(self) -> None:
        """Returns never, as long as the server runs.

        Raises:
            HeadgateError: it ended by itself.
        """
        while self.runs():
            time.sleep(0.5)
        raise self.ended()

    def runs(self) -> bool:
        """Whether the server has not ended."""
        assert self._process is not None
        return self._process.poll() is None

    def ended(self) -> HeadgateError:
        """The error for a server that ended, or did not answer in time."""
        assert self._process is not None
        code = self._process.poll()
        return HeadgateError(
            f"{self.name} on {self.host}:{self.port}",
            expected="a server that runs",
            found="no answer in time" if code is None else f"exit code {code}",
            next_step=f"read {self.log}",
        )


def require_free(host: str, port: int) -> None:
    """Refuses a port that something listens on: Mage would silently take the next one."""
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        raise UsageError(
            f"port {port} of {host}",
            expected="a free port",
            found="something that listens there",
            next_step="choose another one with --port",
        )
