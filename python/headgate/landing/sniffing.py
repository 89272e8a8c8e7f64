"""What a file is by its first bytes: its encoding, and the formats that cannot be mistaken for text."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

#: (where it stands, the bytes, what the file is then). Parquet is the one that Headgate reads.
_MAGIC = (
    (0, b"PAR1", "a Parquet file"),
    (0, b"\x1f\x8b", "gzip inside gzip"),
    (0, b"PK\x03\x04", "a zip archive or an Excel workbook"),
    (0, b"PK\x05\x06", "an empty zip archive"),
    (0, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an Excel workbook"),
    (0, b"\x28\xb5\x2f\xfd", "a file packed with zstd"),
    (0, b"\xfd7zXZ\x00", "a file packed with xz"),
    (0, b"BZh", "a file packed with bzip2"),
    (0, b"\x04\x22\x4d\x18", "a file packed with lz4"),
    (0, b"\x1f\x9d", "a file packed with compress"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (0, b"Rar!\x1a\x07", "a RAR archive"),
    (257, b"ustar", "a tar archive"),
    (0, b"ORC", "an ORC file"),
    (0, b"Obj\x01", "an Avro file"),
    (0, b"ARROW1", "an Arrow file"),
    (0, b"FEA1", "a Feather file"),
    (0, b"SQLite format 3\x00", "an SQLite database"),
    (0, b"%PDF-", "a PDF"),
    (0, b"\x89PNG", "a picture"),
    (0, b"\x89HDF", "an HDF5 file"),
)
#: In this order: the mark of UTF-32 begins as that of UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
#: Text in Latin letters without a mark: which bytes of a character are zero.
_ZEROS = (
    ("utf-32-le", 4, (1, 2, 3)),
    ("utf-32-be", 4, (0, 1, 2)),
    ("utf-16-le", 2, (1,)),
    ("utf-16-be", 2, (0,)),
)
#: Bytes that text does not hold; `\x1e` stands between the records of a JSON text sequence.
_CONTROL = bytes({*range(32)} - {*b"\t\n\r\f\x1b\x1e"})
#: How many characters have to look like UTF-16 or UTF-32 where no mark says so.
_SURE = 4


@dataclass(frozen=True)
class Encoding:
    """How the bytes of a text are read; `mark` bytes at its start are not part of it."""

    name: str
    mark: int = 0

    @property
    def is_utf8(self) -> bool:
        """True when the bytes can be taken as they are."""
        return self.name == "utf-8"


def encoding_of(head: bytes, declared: str) -> Encoding:
    """The encoding that the first bytes show, else the declared one."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return Encoding(name, len(mark))
    for name, width, zeros in _ZEROS:
        if _looks_like(head, width, zeros):
            return Encoding(name)
    return Encoding(codecs.lookup(declared).name.removesuffix("-sig").replace("_", "-"))


def binary_kind(head: bytes) -> str | None:
    """What a file is that is no text; None where it may be text."""
    for place, magic, what in _MAGIC:
        # Some begin with letters, as text may: only what text does not hold makes it certain.
        if head.startswith(magic, place) and len(head.translate(None, _CONTROL)) < len(head):
            return what
    return None


def is_parquet(head: bytes) -> bool:
    """Whether a file is Parquet."""
    return binary_kind(head) == "a Parquet file"


def is_page(head: bytes) -> bool:
    """Whether a text is HTML or XML: what a server sends instead of a file."""
    return head.lstrip()[:1] == b"<"


def decoded(head: bytes, encoding: Encoding) -> bytes:
    """The start of a text in UTF-8; the last character may be cut off with what it is made of."""
    if encoding.is_utf8:
        return head[encoding.mark :]
    decoder = codecs.getincrementaldecoder(encoding.name)(errors="replace")
    return decoder.decode(head[encoding.mark :]).encode(errors="replace")


def _looks_like(head: bytes, width: int, zeros: tuple[int, ...]) -> bool:
    characters = [
        head[at : at + width] for at in range(0, min(len(head), 64 * width) // width * width, width)
    ]
    if len(characters) < _SURE:
        return False
    ascii_only = [all((byte == 0) == (at in zeros) for at, byte in enumerate(item)) for item in characters]
    return all(ascii_only[:_SURE]) and sum(ascii_only) * 2 > len(ascii_only)
