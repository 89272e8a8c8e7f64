"""Every example delivery that GitHub's own library publishes lands, in the envelope of an event.

They are fetched for the test, by npm, and nothing of them is kept.
"""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
import tarfile
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headgate.landing import Message, open_appender
from headgate_github.webhooks import event_record
from tests.acceptance.runs import WITH_GATES
from tests.servers import Receiver
from tests.support import Database

PACKAGE = "@octokit/webhooks-examples@7.6.1"
EXAMPLES = "package/api.github.com/index.json"
ADDRESS = re.compile(r'"[^"\s/]+@[^"\s/]+\.[a-z]+"')


@pytest.fixture(scope="session")
def examples(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, dict[str, Any]]]:
    """(event, body) of each example."""
    if shutil.which("npm") is None:
        pytest.skip("no npm, which fetches the examples (apt-get install npm)")
    folder = tmp_path_factory.mktemp("examples")
    command = ["npm", "pack", PACKAGE, "--silent"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        pytest.skip(f"npm cannot fetch {PACKAGE}: is there a network?")
    with tarfile.open(next(folder.glob("*.tgz"))) as package:
        file = package.extractfile(EXAMPLES)
        assert file is not None
        kinds = json.loads(file.read())
    return [(kind["name"], body) for kind in kinds for body in kind["examples"]]


@pytest.mark.costly
def test_all_examples_land(examples: list[tuple[str, dict[str, Any]]], database: Database) -> None:
    """Each lands once, whole, with its envelope, and without an address of a person in clear."""
    assert len(examples) == 329
    receiver = Receiver.of(database)
    receiver.start()
    try:
        receiver.wait_until_healthy()
        for number, (event, body) in enumerate(examples):
            answer = receiver.deliver(f"example-{number}", json.dumps(body).encode(), event=event)
            assert answer.status_code == 200, (event, answer.text)
    finally:
        receiver.kill()
    rows = database.query("select record_id, record_type, record from staging_github_webhooks.deliveries")
    assert Counter(row[0] for row in rows) == Counter(f"webhook:example-{n}" for n in range(329))
    for record_id, kind, record in rows:
        event, body = examples[int(record_id.removeprefix("webhook:example-"))]
        assert kind == record["type"]
        assert ("actor" in record) == ("sender" in body), event
        assert ("repo" in record) == ("repository" in body), event
        assert record["payload"].keys() == body.keys(), event
        assert not ADDRESS.search(json.dumps(record)), (event, kind)
    assert database.value("select count(*) from ops.rejects") == 0


@pytest.mark.costly
def test_all_examples_become_features(examples: list[tuple[str, dict[str, Any]]], database: Database) -> None:
    """Each is typed, passes every gate and counts for its repository, as an event of the archive does."""
    hour = datetime.now(UTC).replace(minute=0, second=0, microsecond=0) - timedelta(hours=3)
    received = hour + timedelta(minutes=10)
    messages = []
    for number, (event, body) in enumerate(examples):
        delivery = f"example-{number}"
        record = event_record(event, delivery, received, json.dumps(body).encode(), body)
        messages.append(Message(delivery, record))

    async def land() -> None:
        async with open_appender(database.settings, "github_webhooks", uri="test") as appender:
            await appender.append(messages)

    asyncio.run(land())
    assert "WARN=0 ERROR=0" in database.dbt(*WITH_GATES).stdout
    outcomes = (
        "select typed_count, quarantined_count, duplicates_count from typed.stg_gharchive__load_outcomes"
    )
    assert database.query(outcomes) == [(len(examples), 0, 0)]
    counted = database.query(
        "select repository_id, events_count_1h from features.repository_activity where as_of = %s",
        hour + timedelta(hours=1),
    )
    repositories = (body["repository"]["id"] for _, body in examples if body.get("repository"))
    assert dict(counted) == Counter(repositories)
