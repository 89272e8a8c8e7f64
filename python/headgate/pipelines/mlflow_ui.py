"""MLflow's own UI on the mirror of the registry, from an environment of its own, for this machine alone."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

from headgate import environments
from headgate.logs import service_log
from headgate.model import mirror
from headgate.model.mirror import follow, store
from headgate.model.mirror.ui_login import headgate_login as ui_login
from headgate.model.mirror.ui_login.headgate_login import PASSWORD_FILE, USER
from headgate.pipelines.serve import secret
from headgate.pipelines.supervised import SupervisedServer
from headgate.settings import Settings

__all__ = ["USER", "Server", "password_file"]

LOOPBACK = "127.0.0.1"
LOCK = Path(mirror.__file__).with_name("ui_requirements.txt")
#: What has MLflow ask for a password; a plugin of its server, found by the metadata beside it.
LOGIN = Path(ui_login.__file__)
SECONDS_BETWEEN_LOOKS = 5.0
#: What of the caller's environment the server gets: it needs no secret but its database's.
PASSED = ("LANG", "LC_ALL", "TZ", "TMPDIR", "USER")


def password_file(settings: Settings) -> Path:
    """Where the password is kept."""
    return settings.home / "mlflow-password"


def is_installed(settings: Settings) -> bool:
    """Whether MLflow is there, as its lock wants it."""
    return environments.is_ready(settings.home, "mlflow", LOCK.read_bytes())


def python(settings: Settings) -> Path:
    """The interpreter of MLflow's environment, which is made where it is not there."""
    lock, uv = LOCK.read_bytes(), environments.uv(settings)
    return environments.python(settings.home, "mlflow", lock, of="MLflow", uv=uv)


class Server(SupervisedServer):
    """A running MLflow: `with Server(settings, port) as server: server.follow()`.

    Who is logged in can read files as this user, by artifacts that lie where they please: nobody else is let
    in. It refuses other hosts' names and origins, so that no web page reaches it.
    """

    name = "MLflow"

    def __init__(self, settings: Settings, port: int) -> None:
        super().__init__(settings, LOOPBACK, port)
        self.python = python(settings)

    def command(self) -> list[str]:
        """The server with one process for requests; none for the jobs of MLflow that nothing here uses."""
        return [
            *(str(self.python), "-m", "mlflow", "server", "--host", self.host, "--port", str(self.port)),
            *("--workers", "1", "--app-name", "headgate-login"),
            *("--allowed-hosts", f"{self.host}:{self.port},localhost:{self.port}"),
            *("--cors-allowed-origins", f"http://{self.host}:{self.port},http://localhost:{self.port}"),
            *("--no-serve-artifacts", "--default-artifact-root", store.artifacts(self.settings).as_uri()),
        ]

    def environment(self) -> dict[str, str]:
        """Variables for MLflow; its password is there then.

        The database is named here: arguments are seen by all users.
        """
        secret(password_file(self.settings))
        passed = {name: os.environ[name] for name in PASSED if name in os.environ}
        return {
            **passed,
            **store.QUIET,
            # By the name of its file: no environment that MLflow hands on holds it.
            PASSWORD_FILE: str(password_file(self.settings)),
            "PYTHONPATH": str(LOGIN.parent),
            # MLflow calls uvicorn by its name. Its assistant starts coding agents for any local user:
            # it must find neither the caller's programs nor credentials.
            "PATH": f"{self.python.parent}{os.pathsep}{os.defpath}",
            "HOME": str(store.artifacts(self.settings).parent),
            "MLFLOW_BACKEND_STORE_URI": store.url(self.settings),
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        }

    def follow(self) -> None:
        """Syncs what changes in the registry, as long as the server runs.

        Raises:
            HeadgateError: the server ended by itself.
        """
        synced = ""
        log = service_log("mlflow")
        while self.runs():
            try:
                if (now := asyncio.run(follow.state(self.settings))) != synced:
                    asyncio.run(follow.once(self.settings))
                    synced = now
            except Exception as error:
                # PostgreSQL that restarts, or a mirror that somebody rebuilds: the next look is soon.
                log.warning("not mirrored", error=str(error))
            time.sleep(SECONDS_BETWEEN_LOOKS)
        raise self.ended()
