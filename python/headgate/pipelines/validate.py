"""Validates Mage pipelines without Mage: `python -m headgate.pipelines.validate [PATH]`.

PATH is a Mage project (default: mage_pipelines) or one pipeline's folder. Exit code 1: there are findings.
Mage's own validation accepts nearly anything and drops silently what it does not understand.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from headgate.pipelines import block_rules, graph_rules, trigger_rules
from headgate.pipelines.project import Finding, Pipeline, pipeline_folders, read_mapping

#: Every rule: a pipeline in, findings out. HG001 is found while reading.
RULES: tuple[Callable[[Pipeline], Iterator[Finding]], ...] = (
    *graph_rules.RULES,
    *block_rules.RULES,
    *trigger_rules.RULES,
)


def validate(path: Path) -> list[Finding]:
    """Everything that is wrong in a Mage project or in one of its pipelines."""
    folders = pipeline_folders(path)
    if not folders:
        return [Finding("HG001", path, "no pipelines: expected a folder with pipelines/<name>/metadata.yaml")]
    return [finding for folder in folders for finding in validate_pipeline(folder)]


def validate_pipeline(folder: Path) -> list[Finding]:
    """Everything that is wrong in one pipeline."""
    try:
        metadata = read_mapping(folder / "metadata.yaml")
    except ValueError as error:
        return [Finding("HG001", folder / "metadata.yaml", str(error))]
    triggers = folder / "triggers.yaml"
    try:
        listed = read_mapping(triggers).get("triggers") if triggers.exists() else None
    except ValueError as error:
        return [Finding("HG001", triggers, str(error))]
    pipeline = Pipeline(folder, metadata, [entry for entry in listed or [] if isinstance(entry, dict)])
    return [finding for rule in RULES for finding in rule(pipeline)]


def main(arguments: list[str]) -> int:
    """Prints the findings; the exit code."""
    path = Path(arguments[0] if arguments else "mage_pipelines").resolve()
    findings = validate(path)
    for finding in findings:
        print(finding)  # noqa: T201
    print(f"{len(pipeline_folders(path))} pipelines, {len(findings)} findings")  # noqa: T201
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
