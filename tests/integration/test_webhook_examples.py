"""Every example delivery that GitHub's own library publishes lands, in the envelope of an event.

They are fetched for the test, by npm, and nothing of them is kept.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import tarfile
from collections import Counter
from typing import Any

import pytest

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
