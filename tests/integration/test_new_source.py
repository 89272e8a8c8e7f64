"""`headgate new source` on very different samples: landed, built behind all gates, poisoned."""

from __future__ import annotations

import copy
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.project_copy import ProjectCopy
from tests.sample_sources import SAMPLES, Record, write_lines
from tests.support import ROOT, Database

#: On the embedded server the tutorial does the same.
pytestmark = [
    pytest.mark.parametrize("server", ["system"], indirect=True),
    pytest.mark.slow,
]


def poison_forge(record: Record) -> None:
    """Takes away what its kind requires."""
    del record["payload"]["repository"]["id"]


def poison_billing(record: Record) -> None:
    """Makes an amount in a line a text."""
    record["lines"]["data"][0]["amount"] = "much"


def poison_greenhouse(record: Record) -> None:
    """Makes a whole number a fraction."""
    record["humidity"] = 1.5


def poison_oddities(record: Record) -> None:
    """Makes a number a text."""
    record["Größe"] = "big"


POISONS: dict[str, tuple[Callable[[Record], None], str]] = {
    "forge": (poison_forge, "payload.repository.id: expected integer, found nothing"),
    "billing": (poison_billing, "lines.data[].amount: expected integer, found string in element 1"),
    "greenhouse": (poison_greenhouse, "humidity: expected integer, found number with a fraction"),
    "oddities": (poison_oddities, "Größe: expected number, found string"),
}


@pytest.fixture(scope="module")
def project(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with the sources, their samples landed and built."""
    made = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    for file in ("pyproject.toml", ".sqlfluff"):
        shutil.copyfile(ROOT / file, made.folder / file)
    shutil.copyfile(made.folder / "profiles.example.yml", made.folder / "profiles.yml")
    for name, sample in SAMPLES.items():
        file = write_lines(made.folder / f"{name}.jsonl", sample())
        made.headgate("new", "source", name, "--sample", file)
        made.headgate("land", name, file)
    build(made)
    return made


def build(project: ProjectCopy, exit_code: int = 0) -> list[dict[str, Any]]:
    """Builds the sources with their gates and unit tests; the results."""
    selected = [f"+path:models/staging/{name}" for name in SAMPLES]
    project.run(
        *("dbt", "build", "--no-partial-parse", "--indirect-selection", "buildable", "--select", *selected),
        exit_code=exit_code,
    )
    found: list[dict[str, Any]] = json.loads((project.folder / "target" / "run_results.json").read_text())[
        "results"
    ]
    return found


def test_everything_is_typed(project: ProjectCopy) -> None:
    """Every record of each sample is typed, and so is every element of its arrays."""
    query = project.database.value
    for name, sample in SAMPLES.items():
        counts = project.database.query(
            f"select typed_count, quarantined_count, duplicates_count from typed.stg_{name}__load_outcomes"
        )
        assert counts == [(len(sample()), 0, 0)]

    lines = [line for invoice in SAMPLES["billing"]() for line in invoice["lines"]["data"]]
    commits = [commit for delivery in SAMPLES["forge"]() for commit in delivery["payload"].get("commits", [])]
    assert query("select sum(amount) from typed.stg_billing__record_lines") == sum(
        line["amount"] for line in lines
    )
    assert query("select count(*) from typed.stg_billing__record_lines_taxes") == sum(
        len(line["taxes"]) for line in lines
    )
    assert query("select count(*) from typed.stg_forge__push_commits") == len(commits)
    assert query("select sum(humidity) from typed.stg_greenhouse__records") == sum(
        reading["humidity"] for reading in SAMPLES["greenhouse"]()
    )


def test_all_gates_and_unit_tests_pass(project: ProjectCopy) -> None:
    """Building again gives the same: nothing fails, nothing is skipped, nothing warns."""
    results = build(project)

    assert {result["status"] for result in results} <= {"success", "pass"}
    assert len([result for result in results if result["unique_id"].startswith("unit_test.")]) > 20
    assert len([result for result in results if result["unique_id"].startswith("test.")]) > 100


def test_personal_data_is_replaced(project: ProjectCopy) -> None:
    """What the sample showed to be personal is nowhere in the database in clear."""
    landed = project.database.query("select record::text from staging_billing.records")

    assert not [text for (text,) in landed if "example.com" in text]
    assert project.database.value("select min(customer_email) like 'hmac:%' from typed.stg_billing__records")


def test_generated_sql_is_in_style(project: ProjectCopy) -> None:
    """The linter finds nothing in what was generated."""
    folders = [f"models/staging/{name}" for name in SAMPLES]

    project.run("sqlfluff", "lint", "--disable-progress-bar", "--processes", "1", *folders)


def test_poisoned_record_is_quarantined(project: ProjectCopy) -> None:
    """One broken record in fifty sound ones: it is kept aside with its reason, the others are typed."""
    for name, (poison, _) in POISONS.items():
        records = [renamed(record, number) for number, record in enumerate(SAMPLES[name]()[:50])]
        poison(records[7])
        project.headgate("land", name, write_lines(project.folder / f"{name}_poisoned.jsonl", records))

    results = build(project)

    assert {result["status"] for result in results} <= {"success", "pass"}
    for name, (_, reason) in POISONS.items():
        rows = project.database.query(f"select line_number, reasons from typed.stg_{name}__quarantine")
        assert rows == [(8, [reason])], name
        outcomes = f"select typed_count, quarantined_count from typed.stg_{name}__load_outcomes"
        assert (49, 1) in project.database.query(outcomes)


def renamed(record: Record, number: int) -> Record:
    """The record under another identity; a reading, which has none, at another instant."""
    changed = copy.deepcopy(record)
    for key in ("delivery_id", "id", "uuid"):
        if key in changed:
            changed[key] = f"{changed[key]}-{number}"
    if "measured_at" in changed:
        changed["measured_at"] = changed["measured_at"].replace("2026-03", "2026-04")
    return changed


def test_nothing_is_overwritten(project: ProjectCopy) -> None:
    """A file that a person changed stands in the way: exit code 4 names it; the others stay too."""
    contract = "models/staging/billing/_billing__sources.yml"
    project.replace(contract, "version: 1", "version: 2")

    refused = project.headgate("new", "source", "billing", "--sample", "billing.jsonl", exit_code=4)

    assert contract in refused.stderr
    assert "stg_billing__records.sql" not in refused.stderr
    assert "version: 2" in (project.folder / contract).read_text()


def test_pipeline_lands_what_lies_in_the_inbox(project: ProjectCopy) -> None:
    """The generated Mage pipeline waits for a file, lands it, and its gate sees every load."""
    inbox = project.folder / ".headgate" / "inbox" / "greenhouse"
    inbox.mkdir(parents=True)
    records = [renamed(record, 0) | {"sensor": "new"} for record in SAMPLES["greenhouse"]()[:20]]
    write_lines(Path(inbox / "a.jsonl"), records)

    done = project.headgate("run", "ingest_greenhouse", "--wait", "1", "--json")

    assert json.loads(done.stdout)[0]["outcome"]["rows_landed"] == 20
