"""Records are typed by the contract as it is declared, whatever a selection of dbt leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from headgate.scaffold.files import NewFiles
from headgate.scaffold.infer import infer
from headgate.scaffold.source import new_source
from tests.project_copy import ProjectCopy
from tests.sample_sources import write_lines
from tests.support import Database

#: Selections that leave out contract_paths, and type.
LEAVE_OUT = (
    ("run", "--select", "path:models/staging/orders"),
    ("run", "--select", "stg_orders__quarantine"),
    ("build", "--select", "stg_orders__quarantine+", "--exclude", "test_type:unit"),
)


@pytest.mark.slow
def test_what_a_selection_leaves_out_is_not_typed_without(database: Database, tmp_path: Path) -> None:
    """Refused while contract_paths lacks the source, or holds another contract of it; then as declared."""
    records = [
        {"id": number, "created_at": f"2026-01-01T00:{number:02d}:00Z", "amount": number}
        for number in range(20)
    ]
    project = ProjectCopy.make(tmp_path, database)
    NewFiles(project.folder, new_source(project.folder, "orders", infer(records)).texts).write()
    project.headgate("land", "orders", write_lines(tmp_path / "orders.jsonl", records))
    project.dbt("seed")
    refused = project.dbt(*LEAVE_OUT[0], exit_code=1).stdout
    assert "expected contract_paths to hold the contract of orders as it is declared; found none" in refused
    assert "dbt build --select +path:models/staging/orders" in refused

    project.dbt("run", "--select", "contract_paths", "path:models/staging/orders")
    outcomes = "select typed_count, quarantined_count from typed.stg_orders__load_outcomes"
    assert database.query(outcomes) == [(20, 0)]

    contract = "models/staging/orders/_orders__sources.yml"
    project.replace(contract, "path: amount, type: integer, required: true", "path: amount, type: integer")
    again = write_lines(
        tmp_path / "again.jsonl", [{**record, "id": 100 + record["id"]} for record in records]
    )
    project.headgate("land", "orders", again)
    for selection in LEAVE_OUT[1:]:
        assert "found another one" in project.dbt(*selection, exit_code=1).stdout
    assert database.value("select count(*) from typed.stg_orders__quarantine") == 0
    project.dbt("run", "--select", "+path:models/staging/orders")
    assert database.query(f"{outcomes} order by load_id") == [(20, 0), (20, 0)]
