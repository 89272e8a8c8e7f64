"""The tutorials: every command of both pages, as it stands there but for the port, in one shell."""

from __future__ import annotations

import re
import shutil
import subprocess

import pytest

from tests import shell
from tests.project_copy import ProjectCopy
from tests.servers import free_port
from tests.support import ROOT, Databases

pytestmark = [
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
    pytest.mark.slow,
]

PAGES = ("tutorial_add_a_source.md", "tutorial_serve_a_model.md")


def commands(port: int) -> str:
    """The blocks of the pages that are for a shell, one after the other, with a port that is free."""
    texts = [(ROOT / "docs" / page).read_text() for page in PAGES]
    blocks = [re.findall(r"^```bash\n(.*?)^```$", text, re.DOTALL | re.MULTILINE) for text in texts]
    script = "\n".join(block for page in blocks for block in page)
    # A command that fails leaves no server behind.
    script = f"trap 'kill $(jobs -p) 2> /dev/null || true' EXIT\n{script}"
    return script.replace("localhost:8766", f"localhost:{port}").replace(
        "headgate serve reorder", f"headgate serve reorder --port {port}"
    )


@pytest.fixture(scope="module")
def said(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the commands print, in a copy of the project; each of them has to succeed."""
    if shutil.which("psql") is None:
        pytest.skip("no psql on this machine (apt-get install postgresql-client)")
    with databases.new() as database:
        project = ProjectCopy.make(tmp_path_factory.mktemp("tutorial"), database)
        shutil.copyfile(project.folder / "profiles.example.yml", project.folder / "profiles.yml")
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands(free_port())],
            cwd=project.folder,
            env={**database.env, "PATH": shell.path(database.env)},
            capture_output=True,
            text=True,
            timeout=1800,
        )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def test_source_is_found_out(said: str) -> None:
    """Identity, time and personal data are found as the page says."""
    assert "identity: id" in said
    assert "time: created_at" in said
    assert "personal data, replaced by HMAC: customer.email" in said


def test_sample_is_typed(said: str) -> None:
    """Orders and items are typed, and the address is hashed."""
    assert re.search(r"paid\s+\|\s+100\s+\|", said)
    assert re.search(r"A0\s+\|\s+600", said)
    assert "hmac:" in said
    assert "@example.org" not in said


def test_broken_record_is_kept_aside(said: str) -> None:
    """The reason and the accounting are those of the page."""
    assert 'order-1007 | {"total: expected number, found string"}' in said
    assert re.search(r"300 \|\s+299 \|\s+1", said)


def test_features_are_declared_and_read(said: str) -> None:
    """The dry run shows values, and both reads give what the page says."""
    assert re.search(r"paid_share_7d\s+double precision", said)
    assert "passed dbt parse" in said
    assert "release 1 spent" in said
    assert "orders on March 5: 5" in said


def test_labels_make_a_dataset(said: str) -> None:
    """Labels of both kinds, recounted from the orders, in a dataset that can be made again."""
    assert "Dataset 1 is the same again" in said


def test_pipeline_lands_each_file_once(said: str) -> None:
    """The files of the inbox have landed before: nothing is doubled."""
    assert "unchanged 2" in said


def test_a_model_of_these_orders_passes_and_is_registered(said: str) -> None:
    """There is something to learn, and no gate fails."""
    trained = said.partition("reorder version 1, lightgbm")[2].partition("reorder version 2")[0]
    assert float(re.search(r"AUC +(0\.\d+)", trained)[1]) > 0.65  # type: ignore[index]
    assert "beats_base_rate" in trained
    assert " failed " not in trained


def test_the_served_model_answers(said: str) -> None:
    """By key with what each input adds; of an unknown customer too; a body that does not fit is explained."""
    assert re.search(r'"status":"answered","score":0\.\d+,"model":"reorder","version":1', said)
    assert '"contributions":{"base":' in said
    assert '"missing_views":["customer_orders"]' in said
    assert re.search(r'"expected":"[^"]*customer_id', said)


def test_the_canary_is_rolled_back(said: str) -> None:
    """It was half of the customers for a moment; version 1 serves."""
    assert re.search(r"challenger +version 2, share 50%", said)
    assert re.search(r"reorder at [^\n]*: version 1, release 2 active", said)


def test_mage_trains_deploys_and_scores(said: str) -> None:
    """The third version is the second one again, and is deployed beside the first, which scores the spine."""
    assert re.search(r"challenger +version 3", said)
    assert re.search(r"^ +1 \| +\d{4,} \| +0\.\d+$", said, re.MULTILINE)


def test_the_model_is_taken_back(said: str) -> None:
    """Declaration and pipelines go, versions stay."""
    gone = said.rpartition("files      models/exposures/reorder.yml")[2]
    assert all(f"pipelines/{verb}_reorder" in gone for verb in ("train", "deploy", "monitor", "score"))
    assert "its champion, version 1" in gone
    assert re.search(r"^reorder +3 ", gone, re.MULTILINE)


def test_what_was_answered_is_in_the_log(said: str) -> None:
    """Two answers, with the customers and scores."""
    assert re.search(r"107 +\| 1 +\| 0\.\d+", said)
    assert re.search(r"9999 +\| 1 +\| 0\.\d+", said)
