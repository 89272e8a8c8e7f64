"""Starts Mage closed to others: `serve_mage.py PROJECT HOST PORT`, with Mage's settings in the environment.

`headgate mage` runs this in place of `mage start`. It serves the same, with the session checked on every
path (`session_guard.py`), kernels on signed messages over sockets in the folder for temporary files, and logs
without a line for each look at a run.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from pathlib import Path
from typing import Any

#: Settings of Mage's that hold a secret of the server alone -> the variable with the file it is in.
SECRETS = {"JWT_SECRET": "HEADGATE_MAGE_TOKEN_KEY", "DEFAULT_OWNER_PASSWORD": "HEADGATE_MAGE_PASSWORD"}


def take_secrets() -> None:
    """Reads the server's secrets into the settings of Mage, and leaves them in no environment.

    To be called before anything of Mage's is imported.
    """
    for name, file in SECRETS.items():
        if name not in os.environ:
            os.environ[name] = Path(os.environ.pop(file)).read_text().strip()
    import mage_ai.settings

    if any(getattr(mage_ai.settings, name) != os.environ[name] for name in SECRETS):
        sys.exit("Mage did not take its secrets from the environment: it is not started with public ones")
    for name in (*SECRETS, "JWT_DOWNLOAD_SECRET"):
        os.environ.pop(name, None)


def close_kernels() -> None:
    """Has kernels take signed messages only, over sockets that nobody else reaches: Mage's are open on TCP.

    To be called before anything makes a client of them.
    """
    from mage_ai.server.kernels import DEFAULT_KERNEL_NAME, kernel_managers

    for name, manager in kernel_managers.items():
        manager.transport = "ipc"
        manager.ip = str(Path(tempfile.gettempdir()) / f"kernel-{name}")
        manager.session.key = secrets.token_hex(32).encode()
    spec = kernel_managers[DEFAULT_KERNEL_NAME].kernel_spec
    spec.argv = [sys.executable, str(Path(__file__).with_name("kernel.py")), "-f", "{connection_file}"]


def quieten_heartbeats() -> None:
    """Lowers to debug what Mage logs every ten seconds: that a run is alive, more lines than all others."""
    from mage_ai.data_preparation.logging.logger import DictLogger

    info = DictLogger.info

    def say(self: DictLogger, message: Any, **parts: Any) -> None:
        is_heartbeat = str(message).startswith("Pipeline ") and str(message).endswith(" is alive.")
        (DictLogger.debug if is_heartbeat else info)(self, message, **parts)

    DictLogger.info = say


def serve(project: str, host: str, port: str) -> None:
    """Serves until it is stopped."""
    take_secrets()

    from mage_ai.settings.repo import set_repo_path

    set_repo_path(project)  # before Mage's other modules: they read it when they are imported

    close_kernels()
    quieten_heartbeats()

    from mage_ai.server import server
    from mage_ai.server.setup import initialize_globals
    from session_guard import guard

    make_app = server.make_app
    server.make_app = lambda **options: guard(make_app(**options))
    initialize_globals()
    server.start_server(host=host, port=port, project=project)


if __name__ == "__main__":
    serve(*sys.argv[1:])
