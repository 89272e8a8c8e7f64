"""The environment that Mage runs in: PostgreSQL, its own metadata database, no telemetry."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path

from headgate import postgres
from headgate.pipelines.passing import NEVER, passed_on
from headgate.postgres import beside
from headgate.settings import Settings

METADATA_DATABASE_SUFFIX = "_mage"
#: How Mage's own sessions call themselves.
APPLICATION = "mage"
SECONDS_TO_KEEP_COPIES = 3600


def mage_project(settings: Settings) -> Path:
    """The folder that holds the Mage project."""
    return settings.project_dir / "mage_pipelines"


def dbt_env(settings: Settings) -> dict[str, str]:
    """Variables for dbt, in this project or another: where the database is, and no telemetry."""
    return {**postgres.libpq_env(settings), "DBT_SEND_ANONYMOUS_USAGE_STATS": "false"}


def mage_env(settings: Settings) -> dict[str, str]:
    """The variables of a Mage process, all of them; dbt inside it uses them too."""
    env = {
        **passed_on(os.environ, settings.project_dir, settings.mage_env),
        **dbt_env(settings),
        **settings_env(settings),
        **({"HEADGATE_DATA": str(settings.data_dir)} if settings.data_dir else {}),
        # dbt_project_name in the blocks is a path from here; dbt's default PGHOST too.
        "PWD": str(settings.project_dir),
        "MAGE_DATA_DIR": str(settings.home / "mage"),
        "DBT_LOG_PATH": str(settings.home / "logs"),
        "DISABLE_AUTO_BROWSER_OPEN": "true",
        # `requests` warns of its neighbours' versions on every start.
        "PYTHONWARNINGS": "ignore",
    }
    return {name: value for name, value in env.items() if name not in NEVER}


def withheld(settings: Settings) -> list[str]:
    """Names of the caller's variables that Mage does not get."""
    return sorted(os.environ.keys() - passed_on(os.environ, settings.project_dir, settings.mage_env).keys())


def settings_env(settings: Settings) -> dict[str, str]:
    """The variables from which `load_settings` reads these settings again: the blocks of a pipeline do."""
    values = {
        "HEADGATE_HOME": settings.home,
        "HEADGATE_DSN": settings.dsn,
        "HEADGATE_PII_KEY": settings.pii_key,
        "HEADGATE_ARCHIVE_URL": settings.archive_url,
        "HEADGATE_DATA": settings.data_dir,
        "HEADGATE_ALERT_WEBHOOK_URL": settings.alert_webhook_url,
        "HEADGATE_WEBHOOK_SECRET": settings.webhook_secret,
        "HEADGATE_NATS_URL": settings.nats_url,
        "HEADGATE_CONNECTIONS": settings.connections,
        "HEADGATE_KEEP_RELEASES": settings.keep_releases,
        "HEADGATE_ALLOW_WEAK_KEYS": "1" if settings.allow_weak_keys else None,
        "HEADGATE_MAGE_ENV": settings.mage_env,
    }
    # An empty variable is an unset one, and hides what the caller's environment may hold.
    return {name: "" if value is None else str(value) for name, value in values.items()}


def ensure_profiles(settings: Settings) -> None:
    """Mage's dbt blocks need profiles.yml beside dbt_project.yml: copies the example where there is none.

    Also removes the copies that Mage made for runs that were killed: dbt reads one only when it starts.
    """
    for copy in mage_project(settings).glob(".profiles_interpolated_temp_*"):
        with suppress(OSError):
            if time.time() - copy.stat().st_mtime > SECONDS_TO_KEEP_COPIES:
                shutil.rmtree(copy)
    profiles = settings.project_dir / "profiles.yml"
    if not profiles.exists():
        shutil.copyfile(settings.project_dir / "profiles.example.yml", profiles)


def metadata_url(settings: Settings) -> str:
    """SQLAlchemy URL of Mage's metadata database: beside Headgate's own, named after it."""
    return beside.url(settings, METADATA_DATABASE_SUFFIX, APPLICATION)


def ensure_metadata_database(settings: Settings) -> None:
    """Creates Mage's metadata database where there is none.

    Raises:
        HeadgateError: the role may not create databases.
    """
    beside.ensure(
        settings,
        METADATA_DATABASE_SUFFIX,
        what="Mage's metadata database",
        otherwise="have it created, or set MAGE_DATABASE_CONNECTION_URL to another one",
    )
