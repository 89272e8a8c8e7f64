"""Reports of plans, in words."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from headgate.change import Change
from headgate.planning import dbt, reports
from headgate.planning.plan import Plan
from headgate.settings import load_settings


def test_a_changed_contract_types_quarantined_records_again() -> None:
    """A plan that only changes a contract does not call its design nothing."""
    changed = Change(layer="source", name="orders", kind="changed tolerance", subject="", breaking=False)
    plan = Plan(
        changes=[changed],
        rebuild=[],
        build=[],
        drop=[],
        problems=[],
        observed=[],
        views=[],
        datasets=[],
        release=1,
        partitions=2,
    )
    said = reports.of_plan(plan).text()
    assert "Records of orders that are quarantined are typed again" in said
    assert "headgate diff 1 NEW" in said


def test_what_dbt_said_last_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the macros that dbt lists behind it, nor empty lines."""
    said = (
        "Compilation Error in operation on-run-start",
        "  the schemas: expected 0032, found 0031; run `headgate up`",
        "  ",
        "  > in macro require_schemas (macros/dbt/require_schemas.sql)",
        "  > called by operation headgate-on-run-start-2 (./dbt_project.yml)",
    )
    monkeypatch.setenv("HEADGATE_HOME", str(tmp_path))
    monkeypatch.setenv("HEADGATE_DSN", "postgresql://postgres@localhost/nowhere")
    program = f"print({chr(10).join(said)!r}); raise SystemExit(1)"
    code, last = dbt.run(load_settings(), [sys.executable, "-c", program])
    assert (code, last) == (1, " ".join(line.strip() for line in said[:2]))
