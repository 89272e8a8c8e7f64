"""Hours on the command line: for sources whose files are an hour each, and for no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from headgate.cli.land import land
from headgate.cli.pipelines import run
from headgate.errors import UsageError
from tests.small_project import declare

LOADERS = {
    "endpoint": {"type": "http_json", "url": "http://127.0.0.1:9/"},
    "shop": {
        "type": "postgres_jsonb",
        "dsn_env": "SHOP",
        "table": "a.b",
        "record": "r",
        "key": "k",
        "cursor": "c",
    },
    "lists": {"type": "files"},
    "undeclared": {},
}


@pytest.mark.parametrize(
    ("source", "instead"),
    [
        ("endpoint", "headgate land endpoint: it lands what is new"),
        ("shop", "headgate land shop: it lands what is new"),
        ("lists", "headgate land lists FILE ..."),
        ("undeclared", "headgate land undeclared FILE ..."),
        ("github_events", "headgate land github_events: it lands what is new"),
        ("github_webhooks", "headgate receive"),
    ],
)
def test_other_sources_have_no_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, instead: str
) -> None:
    """Wrong usage with what to use instead, before a server is asked; never hours of the archive."""
    for name, loader in LOADERS.items():
        declare(tmp_path, name, loader)
    (tmp_path / "dbt_project.yml").write_text("vars: {headgate_packages: [headgate_github]}\n")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(land, [source, "--from", "2016-01-01T01", "--to", "2016-01-01T02"])
    assert isinstance(done.exception, UsageError)
    assert done.exception.subject == f"source {source}"
    assert done.exception.next_step == instead


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["build_features", "--source", "gharchive"], "leave --source out"),
        (["ingest_http_json", "--source", "nothing"], "source nothing"),
    ],
)
def test_a_source_is_named_to_pipelines_that_take_one(arguments: list[str], said: str) -> None:
    """Other pipelines, and sources that there are not, are refused before Mage starts."""
    done = CliRunner().invoke(run, arguments)
    assert said in f"{done.output} {done.exception}"
    assert done.exit_code != 0
