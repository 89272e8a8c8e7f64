"""Settings come from the environment once, and say clearly what they cannot use."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.errors import UsageError
from headgate.settings import NATS_URL, find_project_dir, load_settings
from tests.support import ROOT


def test_an_empty_environment_means_the_embedded_server_below_the_project() -> None:
    """Nothing has to be set."""
    settings = load_settings({})

    assert (settings.project_dir, settings.home) == (ROOT, ROOT / ".headgate")
    assert (
        settings.dsn,
        settings.pii_key,
        settings.data_dir,
        settings.alert_webhook_url,
        settings.webhook_secret,
    ) == (None, None, None, None, None)
    assert (settings.archive_url, settings.nats_url) == ("", NATS_URL)


def test_every_variable_is_read(tmp_path: Path) -> None:
    """Each HEADGATE_ variable sets its setting."""
    settings = load_settings(
        {
            "HEADGATE_HOME": str(tmp_path / "home"),
            "HEADGATE_DSN": "postgresql://a@b/c",
            "HEADGATE_PII_KEY": "key",
            "HEADGATE_ARCHIVE_URL": "http://localhost:1234/",
            "HEADGATE_DATA": str(tmp_path),
            "HEADGATE_ALERT_WEBHOOK_URL": "http://localhost/alert",
            "HEADGATE_CONNECTIONS": "3",
            "HEADGATE_WEBHOOK_SECRET": "secret",
            "HEADGATE_NATS_URL": "nats://localhost:1234",
        }
    )

    assert tmp_path / "home" == settings.home
    assert (settings.dsn, settings.pii_key, settings.connections) == ("postgresql://a@b/c", "key", 3)
    assert ("http://localhost:1234", tmp_path) == (settings.archive_url, settings.data_dir)
    assert settings.alert_webhook_url == "http://localhost/alert"
    assert (settings.webhook_secret, settings.nats_url) == ("secret", "nats://localhost:1234")


@pytest.mark.parametrize(
    "name", ["HEADGATE_DSN", "HEADGATE_PII_KEY", "HEADGATE_DATA", "HEADGATE_CONNECTIONS"]
)
def test_an_empty_variable_counts_as_unset(name: str) -> None:
    """`HEADGATE_DSN= headgate up` means the embedded server."""
    assert load_settings({}) == load_settings({name: ""})


@pytest.mark.parametrize("text", ["0", "-1", "two", "1.5", "²"])
def test_connections_must_be_a_whole_number_above_zero(text: str) -> None:
    """The error names the variable and what it holds."""
    with pytest.raises(UsageError) as caught:
        load_settings({"HEADGATE_CONNECTIONS": text})

    assert caught.value.subject == "HEADGATE_CONNECTIONS"
    assert repr(text) == caught.value.found


def test_the_project_folder_is_found_from_below(tmp_path: Path) -> None:
    """The nearest folder with a dbt_project.yml wins."""
    (tmp_path / "dbt_project.yml").touch()
    below = tmp_path / "models" / "staging"
    below.mkdir(parents=True)

    assert tmp_path == find_project_dir(below)


def test_outside_a_project_the_checkout_is_used(tmp_path: Path) -> None:
    """The command works from any working directory."""
    assert find_project_dir(tmp_path) == ROOT
