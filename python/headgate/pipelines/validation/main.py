"""The program: arguments in, findings out, an exit code."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from headgate.errors import HeadgateError
from headgate.pipelines.validation.run import Report, validate
from headgate.report import number_of

DEFAULT = "mage_pipelines"


def main(arguments: list[str] | None = None) -> int:
    """Validates what the arguments name; 0 clean, 1 findings, 2 wrong usage."""
    parser = argparse.ArgumentParser(
        prog="validate_pipeline",
        description="Checks what Mage does not. Exit codes: 0 clean, 1 findings, 2 wrong usage.",
    )
    parser.add_argument("path", nargs="?", default=DEFAULT, help="a Mage project or one of its pipelines")
    parser.add_argument("--json", action="store_true", help="print the findings as a JSON list")
    parser.add_argument("--strict", action="store_true", help="warnings are findings too")
    given = parser.parse_args(arguments)
    try:
        report = validate(Path(given.path))
    except HeadgateError as error:
        print(json.dumps(error.as_dict()) if given.json else error, file=sys.stderr)  # noqa: T201
        return error.exit_code
    print(rendered(report, as_json=given.json))  # noqa: T201
    return 1 if report.failed(strict=given.strict) else 0


def rendered(report: Report, *, as_json: bool) -> str:
    """The report as people or programs read it."""
    if as_json:
        return json.dumps([finding.as_dict() for finding in report.findings], indent=2)
    lines = [str(finding) for finding in report.findings]
    counts = (
        number_of(report.pipelines, "pipeline"),
        number_of(report.errors, "error"),
        number_of(report.warnings, "warning"),
    )
    return "\n".join([*lines, f"{', '.join(counts)} (Mage {report.mage_version})"])
