"""PostgreSQL's binary COPY format: the rows of the landing table and of the tables of rejects and repairs."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Sequence
from typing import BinaryIO, cast

from headgate.landing.keeping import Kept

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = struct.pack(">h", -1)
#: Columns of a landing table, in the order of the parts below.
COLUMNS = ("load_id", "line_number", "record_id", "record_type", "recorded_at", "record")
#: A row is six byte strings: (fields, load_id, line_number, length of record_id), record_id, record_type with
#: its length, recorded_at with its length, (length of record, version of jsonb), record.
PARTS = 6
pack_row = struct.Struct(">hiqiii").pack
pack_record = struct.Struct(">iB").pack
pack_length = struct.Struct(">i").pack
NULL = pack_length(-1)
JSONB_VERSION = 1

SPOOL = 4 << 20


def pack_text(text: str) -> bytes:
    """A text field with its length."""
    data = text.encode()
    return pack_length(len(data)) + data


def line_number_of(row: Sequence[bytes]) -> int:
    """The line number in a landing row's parts."""
    return int(struct.unpack_from(">i", row[0], 18)[0])


class Spool:
    """Kept lines that wait for their COPY, on disk when there are many.

    Rows are (load_id, line_number, text, line, stored_as, line_bytes, line_hmac).
    """

    def __init__(self, load_id: int) -> None:
        self._head = struct.pack(">hiqi", 7, 8, load_id, 4)
        self._file = cast("BinaryIO", tempfile.SpooledTemporaryFile(SPOOL))  # noqa: SIM115 - closed by `close`
        self._file.write(HEADER)
        self.rows = 0

    def add(self, line_number: int, text: str, kept: Kept) -> None:
        """Adds one row."""
        self.rows += 1
        parts = (
            *(self._head, pack_length(line_number), pack_text(text)),
            NULL if kept.line is None else pack_length(len(kept.line)) + kept.line,
            *(pack_text(kept.stored_as), pack_length(4), pack_length(kept.size)),
            NULL if kept.digest is None else pack_text(kept.digest),
        )
        self._file.write(b"".join(parts))

    def finish(self) -> BinaryIO:
        """The whole COPY, to be read from its start."""
        self._file.write(TRAILER)
        self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Frees the rows."""
        self._file.close()
