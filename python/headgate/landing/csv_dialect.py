"""Which delimiter a CSV file has, as its first rows show."""

from __future__ import annotations

import csv
import io
import itertools
import re

from headgate.landing.content import LINE_LIMIT

#: Of two that fit, the first counts.
DELIMITERS = ",;\t|"
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
_SEP = re.compile(r'"?sep=([^\r\n"])"?[;,]*\r?\n', re.IGNORECASE)
#: Rows that are looked at.
ROWS = 20


def delimiter_of(head: str, *, whole: bool) -> str:
    """The delimiter that fits all of the first rows; else one that fits the header alone; else a comma.

    The last row of a text that is not whole may be cut off.
    """
    if found := certain_delimiter(head, whole=whole):
        return found
    # Rows may be damaged: what only one delimiter finds in the header is it.
    fitting = [delimiter for delimiter in DELIMITERS if (_widths(head, delimiter, whole=whole) or [1])[0] > 1]
    return fitting[0] if len(fitting) == 1 else ","


def certain_delimiter(head: str, *, whole: bool) -> str | None:
    """The delimiter that cuts the first rows into the same number of fields, two at least."""
    csv.field_size_limit(LINE_LIMIT)
    for delimiter in DELIMITERS:
        widths = _widths(head, delimiter, whole=whole)
        if widths and widths[0] > 1 and len(set(widths)) == 1:
            return delimiter
    return None


def told_delimiter(head: bytes) -> str | None:
    """The delimiter that a first line such as `sep=;` tells, as spreadsheets write it."""
    found = _SEP.match(head.decode(errors="replace"))
    return found[1] if found else None


def name_of(delimiter: str) -> str:
    """A delimiter in words."""
    return _NAMES.get(delimiter, repr(delimiter))


def _widths(head: str, delimiter: str, *, whole: bool) -> list[int]:
    rows = csv.reader(io.StringIO(head, newline=""), delimiter=delimiter)
    found: list[int] = []
    try:
        found.extend(len(row) for row in itertools.islice(rows, ROWS + 1) if row)
    except csv.Error:
        return found
    return found if whole or len(found) < 2 or len(found) > ROWS else found[:-1]
