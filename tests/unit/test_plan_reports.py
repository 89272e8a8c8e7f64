"""Reports of plans, in words."""

from __future__ import annotations

from headgate.change import Change
from headgate.planning import reports
from headgate.planning.plan import Plan


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
    assert "Records of orders that are quarantined are typed again" in reports.of_plan(plan).text()
