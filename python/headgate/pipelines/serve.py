"""Serves Mage: scheduler, UI, API and all that they start, closed to others, stopped as a whole."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from headgate import private
from headgate.errors import HeadgateError, UsageError
from headgate.pipelines import supervise
from headgate.pipelines.environment import (
    ensure_metadata_database,
    ensure_profiles,
    mage_env,
    mage_project,
    metadata_url,
)
from headgate.secrecy import require_strong
from headgate.settings import Settings

SECONDS_TO_START = 180
SECONDS_TO_STOP = 15
LOOPBACK = "127.0.0.1"
#: Who logs in, unless DEFAULT_OWNER_EMAIL says otherwise.
OWNER = "owner@headgate.local"


class Server:
    """A running Mage: `with Server(settings, host, port) as server: server.wait()`."""

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        self.settings = settings
        # Mage takes `localhost` for every interface.
        self.host = LOOPBACK if host == "localhost" else host
        self.port = port
        self.log = settings.home / "logs" / "mage.log"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Server:
        require_free(self.host, self.port)
        ensure_profiles(self.settings)
        env = serve_env(self.settings, self.host)
        private.folder(self.log.parent)
        supervise.adopt_orphans()
        with private.touch(self.log).open("ab") as log:
            self._process = subprocess.Popen(
                start_command(mage_project(self.settings), self.host, self.port),
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
            HeadgateError: Mage ended, or took too long.
        """
        deadline = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < deadline and self._poll() is None:
            with suppress(OSError), socket.create_connection((self.host, self.port), timeout=1):
                return
            time.sleep(0.3)
        raise self._ended()

    def wait(self) -> None:
        """Returns never, as long as Mage runs.

        Raises:
            HeadgateError: Mage ended by itself.
        """
        while self._poll() is None:
            time.sleep(0.5)
        raise self._ended()

    def _poll(self) -> int | None:
        assert self._process is not None
        return self._process.poll()

    def _ended(self) -> HeadgateError:
        code = self._poll()
        return HeadgateError(
            f"Mage on {self.host}:{self.port}",
            expected="a server that runs",
            found="no answer in time" if code is None else f"exit code {code}",
            next_step=f"read {self.log}",
        )


def start_command(project: Path, host: str, port: int) -> list[str]:
    """The command that starts Mage in this environment, and ends it with all that it started."""
    return [
        *(sys.executable, "-m", "headgate.pipelines.supervise"),
        *(sys.executable, str(project / "utils" / "serve_mage.py"), str(project), host, str(port)),
    ]


def serve_env(settings: Settings, host: str) -> dict[str, str]:
    """Variables for the server: metadata in PostgreSQL, and a login.

    Even on the local machine alone: Mage runs code for whoever reaches it, and takes requests from every web
    page that a browser on this machine has open.
    """
    env = mage_env(settings)
    if "MAGE_DATABASE_CONNECTION_URL" not in env:
        ensure_metadata_database(settings)
        env["MAGE_DATABASE_CONNECTION_URL"] = metadata_url(settings)
    env.setdefault("REQUIRE_USER_AUTHENTICATION", "1")
    if not login_required(env) and host != LOOPBACK:
        raise UsageError(
            f"Mage on {host}",
            expected="a login: Mage runs code for whoever reaches it",
            found=f"REQUIRE_USER_AUTHENTICATION={env['REQUIRE_USER_AUTHENTICATION']}",
            next_step=f"unset it, or use {LOOPBACK}",
        )
    _require_strong_logins(settings)
    env.setdefault("DEFAULT_OWNER_EMAIL", OWNER)
    env.setdefault("DEFAULT_OWNER_USERNAME", "owner")
    # By name of their files: no environment that Mage hands on holds them. Mage's own token key is public.
    for variable, file in (
        ("HEADGATE_MAGE_PASSWORD", password_file(settings)),
        ("HEADGATE_MAGE_TOKEN_KEY", settings.home / "mage-token-key"),
    ):
        secret(file)
        env[variable] = str(file)
    return env


def _require_strong_logins(settings: Settings) -> None:
    """Refuses a password, or a key of sessions, that others find by trying."""
    steps = {
        "DEFAULT_OWNER_PASSWORD": "Mage takes it when it first starts and keeps its hash: later, unset it, "
        "and change the password in the UI",
        "JWT_SECRET": "or unset it: one is kept below HEADGATE_HOME then. Everybody logs in once more",
    }
    for name, step in steps.items():
        if name in os.environ and not settings.allow_weak_keys:
            require_strong(name, os.environ[name], next_step=step)


def login_required(env: Mapping[str, str]) -> bool:
    """Whether Mage asks who comes, as it does by default."""
    return env.get("REQUIRE_USER_AUTHENTICATION", "1").lower() in ("true", "1", "t")


def password_file(settings: Settings) -> Path:
    """Where the owner's password is kept; Mage takes it when it first creates its metadata."""
    return settings.home / "mage-password"


def secret(file: Path) -> str:
    """The secret that a file holds; made, for this user's eyes only, where there is none."""
    private.folder(file.parent)
    with suppress(FileExistsError):
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
        os.write(descriptor, secrets.token_urlsafe(24).encode())
        os.close(descriptor)
    kept = file.read_text().strip()
    require_strong(str(file), kept, next_step="or remove the file, and run the command again")
    return kept


def require_free(host: str, port: int) -> None:
    """Refuses a port that something listens on: Mage would silently take the next one."""
    with suppress(OSError), socket.create_connection((host, port), timeout=1):
        raise UsageError(
            f"port {port} of {host}",
            expected="a free port",
            found="something that listens there",
            next_step="choose another one with --port",
        )


def stop_on_signals() -> None:
    """Makes SIGTERM end the program as Ctrl-C does, so that everything it started is stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
