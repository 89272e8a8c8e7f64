"""Where commands print their tables."""

from __future__ import annotations

import os
import sys

from rich.console import Console

#: Columns in a pipe or a file, which have no width: what a program reads must not be cut.
WIDE = 1000


def tables() -> Console:
    """A console for tables, as wide as the terminal, or as whatever the table needs where there is none."""
    return Console() if sys.stdout.isatty() or "COLUMNS" in os.environ else Console(width=WIDE)
