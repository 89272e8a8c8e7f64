"""Commands on Mage pipelines as files: pipelines validate."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.group()
def pipelines() -> None:
    """Validate Mage pipelines."""


@pipelines.command()
@click.argument("path", default="mage_pipelines", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON.")
@click.option("--strict", is_flag=True, help="Treat warnings as errors.")
def validate(path: Path, as_json: bool, strict: bool) -> None:
    """Check a Mage project, or one of its pipelines, for what Mage does not check. Runs nothing.

    Exit codes: 0 clean, 1 findings, 2 wrong usage. docs/validator.md explains every code.
    """
    from headgate.pipelines.validation import validate as validated
    from headgate.pipelines.validation.main import rendered

    report = validated(path)
    click.echo(rendered(report, as_json=as_json))
    sys.exit(1 if report.failed(strict=strict) else 0)
