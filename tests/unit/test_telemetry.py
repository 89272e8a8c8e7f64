"""Nobody is told how a project is used, however dbt and Mage are called."""

from __future__ import annotations

import pytest
import yaml

from headgate.pipelines.environment import dbt_env
from headgate.settings import load_settings
from tests.support import ROOT


@pytest.mark.costly
def test_dbt_called_in_the_project_sends_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without any variable set, as by a user who types `dbt parse`."""
    # Every process of a run imports this module, few of them need dbt.
    from dbt.cli.flags import Flags
    from dbt.cli.main import cli

    for name in ("DO_NOT_TRACK", "DBT_SEND_ANONYMOUS_USAGE_STATS"):
        monkeypatch.delenv(name, raising=False)
    folders = ["--project-dir", str(ROOT), "--profiles-dir", str(ROOT)]
    with (
        cli.make_context("dbt", ["parse"]) as group,
        cli.commands["parse"].make_context("parse", folders, parent=group) as command,
    ):
        assert Flags(command).SEND_ANONYMOUS_USAGE_STATS is False


def test_dbt_in_the_documented_environment_sends_nothing() -> None:
    """`eval "$(headgate env)"` is for other projects too."""
    settings = load_settings({"HEADGATE_DSN": "postgresql://me@db/lake"})

    assert dbt_env(settings)["DBT_SEND_ANONYMOUS_USAGE_STATS"] == "false"


def test_mage_sends_nothing() -> None:
    """Mage asks its project."""
    assert yaml.safe_load((ROOT / "mage_pipelines/metadata.yaml").read_text())["help_improve_mage"] is False
