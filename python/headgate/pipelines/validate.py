"""Validates Mage pipelines without Mage: `python -m headgate.pipelines.validate [PATH] [--json] [--strict]`.

The rules are in `headgate.pipelines.validation`; docs/validator.md explains every code.
"""

from __future__ import annotations

import sys

from headgate.pipelines.validation import Finding, Report, validate
from headgate.pipelines.validation.main import main

__all__ = ["Finding", "Report", "main", "validate"]

if __name__ == "__main__":
    sys.exit(main())
