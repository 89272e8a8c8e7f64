"""The text of an entity's key, by which answers, labels and histories find each other.

The macros `key_text` and `key_part` (macros/monitoring/predictions/key_text.sql) write and read the same.
"""

from __future__ import annotations

from collections.abc import Sequence

SEPARATOR = "|"
#: What a part of several must not hold, as it is written instead; in this order.
WRITTEN = (("%", "%25"), (SEPARATOR, "%7C"))


def joined(parts: Sequence[str]) -> str:
    """A key of one column as it is; of several, joined so that no two keys have the same text."""
    if len(parts) == 1:
        return parts[0]
    for plain, written in WRITTEN:
        parts = [part.replace(plain, written) for part in parts]
    return SEPARATOR.join(parts)


def joined_sql(columns: Sequence[str]) -> str:
    """The same of columns, as a PostgreSQL expression."""
    texts = [f"{column}::text" for column in columns]
    if len(texts) > 1:
        for plain, written in WRITTEN:
            texts = [f"replace({text}, '{plain}', '{written}')" for text in texts]
    return f" || '{SEPARATOR}' || ".join(texts)
