"""How tests read generated files."""

from __future__ import annotations

import gzip
import re


def lines_of(content: bytes) -> list[bytes]:
    """The lines of a file; two records on one line are two lines."""
    found = gzip.decompress(content).split(b"\n")
    assert found.pop() == b""
    # Nowhere else can a quote follow these two braces: inside strings it would be escaped.
    return [part for line in found for part in re.split(rb'(?<=\})(?=\{")', line)]
