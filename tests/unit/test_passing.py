"""Which variables of a shell Mage gets."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from headgate.pipelines.passing import MAGE, SYSTEM, _matches, passed_on

SHELL = {
    "PATH": "/bin",
    "HOME": "/home/me",
    "LC_ALL": "C",
    "https_proxy": "http://proxy",
    "MAGE_PUBLIC_HOST": "https://mage.example",
    "DBT_PASSWORD": "x",
    "HEADGATE_HOME": "/data",
    "HEADGATE_WEBHOOK_SECRET": "x",
    "AWS_SECRET_ACCESS_KEY": "x",
    "SHOP_TOKEN": "x",
    "SHOP_TOKENS": "x",
    "SSH_AUTH_SOCK": "x",
}
ALWAYS = {"PATH", "HOME", "LC_ALL", "https_proxy", "MAGE_PUBLIC_HOST", "DBT_PASSWORD", "HEADGATE_HOME"}


def test_a_shells_secrets_stay_in_it(tmp_path: Path) -> None:
    """An empty project gets what the system, Mage, dbt and Headgate read; no secret of another command."""
    assert passed_on(SHELL, tmp_path).keys() == ALWAYS


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("mage_pipelines/io_config.yaml", "token: \"{{ env_var('SHOP_TOKEN') }}\""),
        ("mage_pipelines/data_loaders/a/load.py", 'token = os.environ["SHOP_TOKEN"]'),
        ("models/staging/shop/_shop__sources.yml", "loader: {type: postgres_jsonb, dsn_env: SHOP_TOKEN}"),
        ("profiles.yml", "password: \"{{ env_var('SHOP_TOKEN') }}\""),
        ("python/shop/client.py", "os.getenv('SHOP_TOKEN')"),
    ],
)
def test_what_the_project_names_is_passed_on(tmp_path: Path, file: str, text: str) -> None:
    """A variable that a file of the project names, whole."""
    (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / file).write_text(text)
    assert passed_on(SHELL, tmp_path).keys() == ALWAYS | {"SHOP_TOKEN"}


@pytest.mark.parametrize(
    ("more", "added"),
    [
        ("SHOP_TOKEN", {"SHOP_TOKEN"}),
        ("SHOP_*", {"SHOP_TOKEN", "SHOP_TOKENS"}),
        ("AWS_*, SSH_AUTH_SOCK", {"AWS_SECRET_ACCESS_KEY", "SSH_AUTH_SOCK"}),
        ("*", SHELL.keys() - ALWAYS - {"HEADGATE_WEBHOOK_SECRET"}),
    ],
)
def test_more_is_passed_on_by_name(tmp_path: Path, more: str, added: set[str]) -> None:
    """Names and patterns, separated by blanks or commas."""
    assert passed_on(SHELL, tmp_path, more).keys() == ALWAYS | added


def test_every_setting_of_mages_is_passed_on() -> None:
    """The installed Mage reads no setting that it would not get."""
    spec = importlib.util.find_spec("mage_ai")
    assert spec is not None
    [folder] = spec.submodule_search_locations or []
    files = [Path(folder) / "settings" / "server.py", Path(folder) / "settings" / "keys" / "auth.py"]
    read = set(re.findall(r"getenv\(\s*'(\w+)'", files[0].read_text()))
    read |= set(re.findall(r"^[A-Z_]+ = '(\w+)'", files[1].read_text(), re.MULTILINE))
    patterns = [*SYSTEM.split(), *MAGE.split()]

    assert len(read) > 80
    assert not {name for name in read if not _matches(name, patterns)}
