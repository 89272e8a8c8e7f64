#!/usr/bin/env python3
"""Validates a Mage project or one of its pipelines: `validate_pipeline.py [PATH] [--json] [--strict]`.

Runs from any folder, on any Mage project, installed or not; needs PyYAML and croniter, not Mage.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "python"))

from headgate.pipelines.validate import main

if __name__ == "__main__":
    sys.exit(main())
