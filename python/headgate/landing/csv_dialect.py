"""Which delimiter a CSV file has, as its first rows show."""

from __future__ import annotations

import csv
import io
import itertools

from headgate.landing.content import LINE_LIMIT

#: Of two that fit, the first counts.
DELIMITERS = ",;\t|"
_NAMES = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
#: Rows that are looked at.
ROWS = 20


def delimiter_of(head: str, *, whole: bool) -> str:
    """The delimiter that cuts the first rows into the same number of fields, two at least; else a comma.

    The last row of a text that is not whole may be cut off.
    """
    csv.field_size_limit(LINE_LIMIT)
    for delimiter in DELIMITERS:
        widths = _widths(head, delimiter, whole=whole)
        if widths and widths[0] > 1 and len(set(widths)) == 1:
            return delimiter
    # Rows may be damaged: what only one delimiter finds in the header is it.
    found = [delimiter for delimiter in DELIMITERS if (_widths(head, delimiter, whole=whole) or [1])[0] > 1]
    return found[0] if len(found) == 1 else ","


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
