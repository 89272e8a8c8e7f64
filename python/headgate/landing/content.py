"""Reads a delivered file, gzip or plain, in blocks of whole lines, whatever its size.

This is the way of JSON lines; other formats are subclasses (`formats`).
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NoReturn, cast

from isal import igzip, igzip_lib

from headgate.errors import HeadgateError

if TYPE_CHECKING:
    from headgate.landing.screen import Screen

#: What a socket takes at once: with larger blocks the server waits for the next one while we screen it.
BLOCK = 64 << 10
#: A longer line is no record: PostgreSQL takes at most 256 MB, GitHub sends less than 1 MB.
LINE_LIMIT = 64 << 20
GZIP_MAGIC = b"\x1f\x8b"
#: The types say that the second is no type.
DAMAGED = (igzip.BadGzipFile, cast("type[Exception]", igzip_lib.IsalError))


class Content:
    """One delivered file. What was read so far is in `bytes_read`, `sha256` and `position`."""

    #: What messages call the format.
    format = "JSON lines"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bytes_read = 0
        #: Bytes of the file itself that were read, for progress.
        self.position = 0
        self.size = _size_of(path)
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Hash of the unpacked bytes read so far: the same content packed anew is the same content."""
        return self._digest.hexdigest()

    def rows(self, screen: Screen) -> Iterator[list[bytes]]:
        """The rows that `screen` gives for the content, block by block.

        Raises:
            HeadgateError: the file is empty, damaged, or of another format.
        """
        for block in self.blocks():
            yield screen.rows(block)

    def blocks(self) -> Iterator[bytes]:
        """The unpacked content, cut behind a newline.

        Raises:
            HeadgateError: the file is empty, damaged, or something else than JSON lines.
        """
        pending: list[bytes] = []
        length = 0
        for chunk in self._chunks():
            cut = chunk.rfind(b"\n") + 1
            if not cut:
                pending.append(chunk)
                length += len(chunk)
                if length > LINE_LIMIT:
                    self._fail(self.format, f"a line longer than {LINE_LIMIT >> 20} MB")
                continue
            yield b"".join((*pending, memoryview(chunk)[:cut]))
            pending, length = [chunk[cut:]], len(chunk) - cut
        if rest := b"".join(pending):
            yield rest

    def read_through(self) -> None:
        """Reads everything, for the hash."""
        for _ in self._chunks():
            pass

    def _chunks(self) -> Iterator[bytes]:
        with self.path.open("rb") as file, self._unpacked(file) as unpacked:
            while chunk := self._read(unpacked):
                if not self.bytes_read and chunk.lstrip()[:1] == b"<":
                    self._fail(self.format, "an HTML or XML page")
                self.bytes_read += len(chunk)
                self.position = file.tell()
                self._digest.update(chunk)
                yield chunk
        if not self.bytes_read:
            self._fail(self.format, "a gzip file of nothing" if self.size else "an empty file")

    @contextlib.contextmanager
    def _unpacked(self, file: BinaryIO) -> Iterator[BinaryIO]:
        start = file.read(len(GZIP_MAGIC))
        file.seek(0)
        if start == GZIP_MAGIC:
            with igzip.open(file, "rb") as unpacked:  # type: ignore[no-untyped-call]
                yield cast("BinaryIO", unpacked)
        elif self.path.suffix == ".gz" and self.size:
            page = file.read(64).lstrip()[:1] == b"<"
            self._fail("a gzip file", "an HTML or XML page" if page else "a file that is not gzip")
        else:
            yield file

    def _read(self, unpacked: BinaryIO) -> bytes:
        try:
            return unpacked.read(BLOCK)
        except EOFError:
            self._fail("a whole gzip file", "one that ends early (truncated)")
        except DAMAGED:
            self._fail("a whole gzip file", "damaged data")

    def _fail(self, expected: str, found: str) -> NoReturn:
        raise HeadgateError(
            str(self.path),
            expected=expected,
            found=found,
            next_step="get the file again and land it; nothing of it was landed",
        )


def _size_of(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise HeadgateError(
            str(path), expected="a file", found=error.strerror or "none", next_step="correct the path"
        ) from error
