"""Settings that differ by environment: read once, explicitly, from environment variables; immutable then."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headgate.errors import UsageError

NATS_URL = "nats://127.0.0.1:4222"


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What an environment decides. Everything else is fixed in code or in the dbt project."""

    #: Folder that holds dbt_project.yml.
    project_dir: Path
    #: Where the embedded server, its logs and other local state live (HEADGATE_HOME).
    home: Path
    #: URI of an existing PostgreSQL 15 or newer; None means the embedded server (HEADGATE_DSN).
    dsn: str | None = field(repr=False)
    #: Key of the HMAC that replaces personal data (HEADGATE_PII_KEY); None means the key file in `home`.
    pii_key: str | None = field(repr=False)
    #: Base URL of files of hours (HEADGATE_ARCHIVE_URL); empty: where their source is published.
    archive_url: str = field(repr=False)
    #: Folder with files of hours to use instead of the network (HEADGATE_DATA).
    data_dir: Path | None
    #: URL that receives failure alerts as JSON by POST (HEADGATE_ALERT_WEBHOOK_URL).
    alert_webhook_url: str | None = field(repr=False)
    #: Secret that webhooks are signed with (HEADGATE_WEBHOOK_SECRET).
    webhook_secret: str | None = field(repr=False)
    #: Where the stream of events is (HEADGATE_NATS_URL).
    nats_url: str = field(repr=False)
    #: Database connections used for landing at once (HEADGATE_CONNECTIONS); one per core by default.
    connections: int
    #: How many releases a compaction keeps besides those that something is bound to (HEADGATE_KEEP_RELEASES).
    keep_releases: int
    #: Whether keys that can be found by trying are used all the same (HEADGATE_ALLOW_WEAK_KEYS).
    allow_weak_keys: bool = False
    #: Names and patterns of more variables that Mage gets of the caller's environment (HEADGATE_MAGE_ENV).
    mage_env: str = ""


def find_project_dir(start: Path | None = None) -> Path:
    """The nearest folder at or above `start` (default: the working directory) that holds dbt_project.yml.

    Falls back to the checkout this package is installed from.

    Raises:
        UsageError: no dbt_project.yml anywhere.
    """
    here = (start or Path.cwd()).resolve()
    checkout = Path(__file__).resolve().parents[2]
    for folder in (here, *here.parents, checkout):
        if (folder / "dbt_project.yml").is_file():
            return folder
    raise UsageError(
        f"project folder above {here}",
        expected="a dbt_project.yml in it or in a folder above it",
        found="none",
        next_step="change into the Headgate checkout and run the command again",
    )


def load_settings(env: Mapping[str, str] | None = None) -> Settings:
    """Reads the settings from `env` (default: the process environment).

    Raises:
        UsageError: a variable holds a value that cannot be used.
    """
    env = os.environ if env is None else env
    project_dir = find_project_dir()
    data_dir = env.get("HEADGATE_DATA")
    return Settings(
        project_dir=project_dir,
        home=_folder("HEADGATE_HOME", env.get("HEADGATE_HOME") or str(project_dir / ".headgate")),
        dsn=env.get("HEADGATE_DSN") or None,
        pii_key=env.get("HEADGATE_PII_KEY") or None,
        archive_url=(env.get("HEADGATE_ARCHIVE_URL") or "").rstrip("/"),
        data_dir=_folder("HEADGATE_DATA", data_dir) if data_dir else None,
        alert_webhook_url=env.get("HEADGATE_ALERT_WEBHOOK_URL") or None,
        webhook_secret=env.get("HEADGATE_WEBHOOK_SECRET") or None,
        nats_url=env.get("HEADGATE_NATS_URL") or NATS_URL,
        connections=_positive_int(env, "HEADGATE_CONNECTIONS", default=os.cpu_count() or 1),
        keep_releases=_positive_int(env, "HEADGATE_KEEP_RELEASES", default=100),
        allow_weak_keys=env.get("HEADGATE_ALLOW_WEAK_KEYS") == "1",
        mage_env=env.get("HEADGATE_MAGE_ENV") or "",
    )


def _folder(name: str, text: str) -> Path:
    """A folder, whether it exists yet or not."""
    try:
        folder = Path(text).resolve()
        is_other = folder.exists() and not folder.is_dir()
    except (OSError, RuntimeError, ValueError) as error:
        loops = isinstance(error, RuntimeError)
        found = "a link that leads to itself" if loops else getattr(error, "strerror", None) or "no path"
        raise UsageError(
            name, expected="a folder", found=f"{text}: {found}", next_step=f"correct {name}"
        ) from None
    if is_other:
        raise UsageError(
            name, expected="a folder", found=f"{folder}, which is a file", next_step=f"correct {name}"
        )
    return folder


def _positive_int(env: Mapping[str, str], name: str, *, default: int) -> int:
    text = env.get(name)
    if not text:
        return default
    if text.isdecimal() and int(text) > 0:
        return int(text)
    raise UsageError(
        name, expected="a whole number above 0", found=repr(text), next_step=f"set {name} or unset it"
    )
