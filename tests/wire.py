"""A way to PostgreSQL that stops programs at a given byte of what they send: moments without a clock."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from headgate.postgres.cluster import SOCKET_NAME
from tests.servers import wait_until
from tests.support import Database

BYTES = 65_536


@dataclass
class Wire:
    """Carries bytes between programs and a server until so many were sent; then it holds everything."""

    #: The same database, by way of this.
    database: Database
    server: Path
    #: How much programs sent since the last start.
    sent: int = 0
    limit: int | None = None
    #: Whether the message with the last byte passes whole, so that the server is at work on it.
    whole: bool = False
    held: bool = False
    ends: list[socket.socket] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    @contextlib.contextmanager
    def to(cls, database: Database) -> Iterator[Wire]:
        """A wire for the length of a `with` block, for programs of this database."""
        with tempfile.TemporaryDirectory(prefix="wire-") as folder, socket.socket(socket.AF_UNIX) as listener:
            host = database.env["PGHOST"]
            env = {name: value.replace(host, folder) for name, value in database.env.items()}
            own = database.folder / "wired"
            own.mkdir(exist_ok=True)
            wire = cls(replace(database, env=env, folder=own), Path(host) / SOCKET_NAME)
            listener.bind(f"{folder}/{SOCKET_NAME}")
            listener.listen(64)
            threading.Thread(target=wire._accept, args=(listener,), daemon=True).start()
            try:
                yield wire
            finally:
                with contextlib.suppress(OSError):
                    listener.shutdown(socket.SHUT_RDWR)
                wire.cut()

    def measure(self) -> None:
        """Counts from nought, and holds nothing."""
        self.cut()
        with self.lock:
            self.sent, self.limit, self.held = 0, None, False

    def stop_after(self, limit: int, *, whole: bool = False) -> None:
        """Counts from nought, and holds everything when so many bytes were sent."""
        self.measure()
        self.limit, self.whole = limit, whole

    def stopped(self, program: subprocess.Popen[Any], seconds: float = 600) -> bool:
        """Waits until the program is held, or has ended before; whether it is held."""
        wait_until(lambda: self.held or program.poll() is not None, "the program held or at its end", seconds)
        return program.poll() is None

    def cut(self) -> None:
        """Ends all connections."""
        with self.lock:
            ends, self.ends = self.ends, []
        for end in ends:
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            end.close()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while True:
                program, _ = listener.accept()
                server = socket.socket(socket.AF_UNIX)
                try:
                    server.connect(str(self.server))
                except OSError:
                    program.close()
                    continue
                with self.lock:
                    self.ends += (program, server)
                for source, target, counted in ((program, server, True), (server, program, False)):
                    arguments = (source, target, counted)
                    threading.Thread(target=self._carry, args=arguments, daemon=True).start()

    def _carry(self, source: socket.socket, target: socket.socket, counted: bool) -> None:
        """One direction of one connection; its end is the end of the other."""
        with contextlib.suppress(OSError):
            while part := source.recv(BYTES):
                target.sendall(self._pass(part) if counted else self._answer(part))
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def _pass(self, part: bytes) -> bytes:
        """As much of what a program sends as may pass."""
        with self.lock:
            if self.held:
                return b""
            if self.limit is not None and self.sent + len(part) >= self.limit:
                self.held = True
                part = part if self.whole else part[: self.limit - self.sent]
            self.sent += len(part)
            return part

    def _answer(self, part: bytes) -> bytes:
        """What a server answers, unless everything is held."""
        return b"" if self.held else part
