"""Reports: five headings, a file of their own, aligned tables."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from headgate.report import HEADINGS, Report, table
from headgate.settings import load_settings

REPORT = Report(
    verb="publish",
    title="Release 2",
    plan=["Publish what dbt built."],
    design=["One transaction."],
    changes=table(["view", "rows"], [["repository_activity", 1234], ["actor_activity", None]]),
    verification=[],
    rollback=["headgate rollback --to 1"],
)


def test_a_report_has_the_five_headings_in_order_and_says_nothing_where_there_is_nothing() -> None:
    """Empty ones too."""
    lines = REPORT.text().splitlines()
    assert [line for line in lines if line in HEADINGS] == list(HEADINGS)
    assert lines[lines.index("Verification") + 1] == "  Nothing."


def test_numbers_stand_to_the_right() -> None:
    """With thousands set apart."""
    assert REPORT.changes == [
        "view                  rows",
        "repository_activity  1,234",
        "actor_activity           -",
    ]


def test_each_report_gets_a_file_of_its_own(tmp_path: Path) -> None:
    """Below the home, named by instant and verb."""
    settings = replace(load_settings({}), home=tmp_path)
    written = {REPORT.write(settings) for _ in range(3)}
    assert len(written) == 3
    assert all(path.parent == tmp_path / "reports" and path.name.endswith("-publish.md") for path in written)
    assert next(iter(written)).read_text().startswith("# Release 2\n\n## Plan\n\n```text\n")
