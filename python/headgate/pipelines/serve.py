"""Serves Mage: scheduler, UI, API and all that they start, closed to others, stopped as a whole."""

from __future__ import annotations

import os
import secrets
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

from headgate import private
from headgate.errors import UsageError
from headgate.pipelines.environment import (
    ensure_metadata_database,
    ensure_profiles,
    mage_env,
    mage_project,
    metadata_url,
)
from headgate.pipelines.supervised import SupervisedServer
from headgate.secrecy import require_strong
from headgate.settings import Settings

LOOPBACK = "127.0.0.1"
#: Who logs in, unless DEFAULT_OWNER_EMAIL says otherwise.
OWNER = "owner@headgate.local"


class Server(SupervisedServer):
    """A running Mage: `with Server(settings, host, port) as server: server.wait()`."""

    name = "Mage"

    def __init__(self, settings: Settings, host: str, port: int) -> None:
        # Mage takes `localhost` for every interface.
        super().__init__(settings, LOOPBACK if host == "localhost" else host, port)

    def command(self) -> list[str]:
        """The command that starts Mage in this environment."""
        project = mage_project(self.settings)
        script = project / "utils" / "serve_mage.py"
        return [sys.executable, str(script), str(project), self.host, str(self.port)]

    def environment(self) -> dict[str, str]:
        """Variables for Mage; profiles.yml is there then."""
        ensure_profiles(self.settings)
        return serve_env(self.settings, self.host)


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


def stop_on_signals() -> None:
    """Makes SIGTERM end the program as Ctrl-C does, so that everything it started is stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)
