"""Pipelines that ask a source: by Mage, and what their blocks call."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from headgate.errors import HeadgateError, UsageError
from headgate.pipelines import loads, pulls
from tests.integration.api_server import Reply, serving
from tests.integration.landing_files import event
from tests.small_project import declare
from tests.support import Database


@pytest.mark.slow
def test_a_mage_run_polls_the_events_api(database: Database) -> None:
    """`headgate run ingest_github_events` lands what a poll brings; again, it lands nothing anew."""
    with serving(lambda _: Reply([event(n) for n in range(40)], headers={"X-Poll-Interval": "0"})) as api:
        done = database.headgate("run", "ingest_github_events", HEADGATE_GITHUB_API_URL=api.url)
    assert "rows_landed" in done.stdout + done.stderr
    assert database.value("select count(*) from staging_github_events.events") == 40
    assert database.query("select status, rows_landed from ops.loads") == [("landed", 40)]


@pytest.fixture
def environment(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment in which blocks of a test run."""
    for name, value in database.env.items():
        if name.startswith("HEADGATE_"):
            monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("environment")
def test_blocks_pull_the_source_that_the_variable_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An endpoint, and files by path and URL; the outcome counts loads and rows."""
    monkeypatch.chdir(tmp_path)
    records = [{"id": n} for n in range(5)]

    def answer(request: Any) -> Reply:
        return Reply(records) if request.path == "/records" else Reply(b"id\n8\n9\n")

    with serving(answer) as api:
        declare(tmp_path, "tickets", {"type": "http_json", "url": f"{api.url}/records"})
        (tmp_path / "one.csv").write_text("id\n7\n")
        declare(tmp_path, "parcels", {"type": "files", "location": ["*.csv", f"{api.url}/two.csv"]})
        asked = pulls.totals(pulls.pull_declared({"source": "tickets"}))
        again = pulls.totals(pulls.pull_declared({"source": "tickets"}))
        files = pulls.totals(pulls.pull_declared({"source": "parcels"}))
    assert (asked["landed"], asked["rows_landed"], again["unchanged"]) == (1, 5, 1)
    assert (files["landed"], files["rows_landed"]) == (2, 3)
    for found in (asked, again, files):
        loads.require_landed(found)


@pytest.mark.usefixtures("environment")
def test_a_load_that_failed_fails_the_gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The gate says why; a pipeline without a source says how to name one."""
    monkeypatch.chdir(tmp_path)
    declare(tmp_path, "parcels", {"type": "files", "location": "*.csv"})
    (tmp_path / "one.csv").write_text('id\n"7\n')
    found = pulls.totals(pulls.pull_declared({"source": "parcels"}))
    with pytest.raises(HeadgateError, match=r"1 of 1 loads of parcels: .*a row that is none"):
        loads.require_landed(found)
    with pytest.raises(UsageError, match="variable source of the pipeline"):
        pulls.pull_declared({"source": None})
