"""Where the mirror is: a database beside Headgate's own, and a folder for the files of its runs."""

from __future__ import annotations

import logging
import os
import shutil
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.errors import HeadgateError
from headgate.postgres import beside
from headgate.settings import Settings

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

SUFFIX = "_mlflow"
#: How the mirror's sessions call themselves. `headgate down` asks nobody who only mirrors.
APPLICATION = "mlflow"
#: MLflow reports how it is used unless told otherwise; read when it is imported.
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"}


def url(settings: Settings) -> str:
    """SQLAlchemy URL of MLflow's database."""
    return beside.url(settings, SUFFIX, APPLICATION)


def exists(settings: Settings) -> bool:
    """Whether anything was ever mirrored here."""
    return beside.exists(settings, SUFFIX)


def artifacts(settings: Settings) -> Path:
    """The folder of the runs' files."""
    return settings.home / "mlflow" / "artifacts"


def client(settings: Settings) -> MlflowClient:
    """MLflow's client on the database, which is made with its tables where there is none.

    Raises:
        HeadgateError: the extra `models` is not installed, or the role may not create a database.
    """
    os.environ.update(QUIET)
    try:
        with warnings.catch_warnings():
            # Of a field of its own that pydantic would rather have another name.
            warnings.simplefilter("ignore", UserWarning)
            import mlflow
    except ImportError as error:
        raise HeadgateError(
            "MLflow's client",
            expected="mlflow-skinny, of the extra `models`",
            found="no such package",
            next_step="run `uv sync --all-extras`",
        ) from error
    # Every migration of its tables is a line of its own.
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    beside.ensure(settings, SUFFIX, what="MLflow's database", otherwise="have it created by who may")
    found = url(settings)
    return mlflow.MlflowClient(tracking_uri=found, registry_uri=found)


def forget(settings: Settings) -> None:
    """Removes the mirror: the database and the files."""
    beside.drop(settings, SUFFIX)
    shutil.rmtree(artifacts(settings), ignore_errors=True)
