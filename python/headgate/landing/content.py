"""Reads a delivered file, gzip or plain, in blocks of whole lines, whatever its size.

What its records are is a subclass's (`formats`). Landing and `headgate new source` read files through these.
"""

from __future__ import annotations

import codecs
import contextlib
import hashlib
import stat
from abc import ABC, abstractmethod
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar, NoReturn, cast

from isal import igzip, igzip_lib

from headgate.errors import HeadgateError
from headgate.landing.sniffing import Encoding

if TYPE_CHECKING:
    from headgate.landing.screen import Screen

#: What a socket takes at once: with larger blocks the server waits for the next one while we screen it.
BLOCK = 64 << 10
#: A longer line is no record: PostgreSQL takes at most 256 MB, and no sender gets near it.
LINE_LIMIT = 64 << 20
GZIP_MAGIC = b"\x1f\x8b"
#: The types say that the second is no type.
DAMAGED = (igzip.BadGzipFile, cast("type[Exception]", igzip_lib.IsalError))


class Content(ABC):
    """One delivered file. What was read so far is in `bytes_read`, `sha256` and `position`."""

    #: What messages call the format.
    format: ClassVar[str]

    def __init__(self, path: Path, encoding: Encoding | None = None) -> None:
        self.path = path
        self.encoding = encoding or Encoding("utf-8")
        self.bytes_read = 0
        #: Bytes of the file itself that were read, for progress.
        self.position = 0
        self.size = size_of(path)
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Hash of the unpacked bytes read so far: the same content packed anew is the same content."""
        return self._digest.hexdigest()

    @abstractmethod
    def rows(self, screen: Screen) -> Iterator[list[bytes]]:
        """The rows that `screen` gives for the content, block by block.

        Raises:
            HeadgateError: the file is empty, damaged, or of another format.
        """

    def read_through(self) -> None:
        """Reads everything, for the hash."""
        for _ in self._raw():
            pass

    def blocks(self) -> Iterator[bytes]:
        """The unpacked text in UTF-8, cut behind a newline.

        Raises:
            HeadgateError: the file is damaged, or a line is too long.
        """
        pending: list[bytes] = []
        length = 0
        for chunk in self.chunks():
            cut = chunk.rfind(b"\n") + 1
            if not cut:
                pending.append(chunk)
                length += len(chunk)
                if length > LINE_LIMIT:
                    self.fail(self.format, f"a line longer than {LINE_LIMIT >> 20} MB")
                continue
            yield b"".join((*pending, memoryview(chunk)[:cut]))
            pending, length = [chunk[cut:]], len(chunk) - cut
        if rest := b"".join(pending):
            yield rest

    def chunks(self) -> Iterator[bytes]:
        """The unpacked text in UTF-8."""
        if self.encoding.is_utf8 and not self.encoding.mark:
            return self._raw()
        return self._decoded()

    def fail(self, expected: str, found: str, next_step: str | None = None) -> NoReturn:
        """Refuses the file.

        Raises:
            HeadgateError: always.
        """
        refuse(self.path, expected, found, next_step)

    def _decoded(self) -> Iterator[bytes]:
        """The text without the mark of its byte order."""
        skip = self.encoding.mark
        decoder = None if self.encoding.is_utf8 else codecs.getincrementaldecoder(self.encoding.name)()
        for chunk in self._raw():
            text = chunk[skip:]
            skip = 0
            yield text if decoder is None else self._recoded(decoder, text)
        if decoder is not None and (rest := self._recoded(decoder, b"", final=True)):
            yield rest

    def _recoded(self, decoder: codecs.IncrementalDecoder, text: bytes, *, final: bool = False) -> bytes:
        try:
            return decoder.decode(text, final).encode()
        except UnicodeError:
            self.fail(
                f"text in {self.encoding.name}", f"other bytes, before byte {self.bytes_read:,}", ENCODE
            )

    def _raw(self) -> Iterator[bytes]:
        with self.path.open("rb") as file, unpacked(self.path, file) as plain:
            while chunk := read(self.path, plain):
                self.bytes_read += len(chunk)
                self.position = file.tell()
                self._digest.update(chunk)
                yield chunk


#: What helps where a text has another encoding than was expected.
ENCODE = "declare `encoding` in the loader, such as latin-1 or windows-1252, or save the file as UTF-8"


def read_head(path: Path) -> tuple[bytes, bool]:
    """The first unpacked bytes of a file, and whether they are all of it.

    Raises:
        HeadgateError: the file is not there, empty, or damaged gzip.
    """
    size = size_of(path)
    with path.open("rb") as file, unpacked(path, file) as plain:
        head = read(path, plain)
        whole = len(head) < BLOCK and not read(path, plain)
    if not head:
        refuse(path, "records", "a gzip file of nothing" if size else "an empty file")
    return head, whole


@contextlib.contextmanager
def unpacked(path: Path, file: BinaryIO) -> Iterator[BinaryIO]:
    """An open file, unpacked when it is gzip."""
    start = file.read(64)
    file.seek(0)
    if start.startswith(GZIP_MAGIC):
        with igzip.open(file, "rb") as plain:  # type: ignore[no-untyped-call]
            yield cast("BinaryIO", plain)
    elif path.suffix == ".gz" and start:
        page = start.lstrip()[:1] == b"<"
        refuse(path, "a gzip file", "an HTML or XML page" if page else "a file that is not gzip")
    else:
        yield file


def read(path: Path, plain: BinaryIO) -> bytes:
    """The next block of an unpacked file; nothing at its end."""
    try:
        return plain.read(BLOCK)
    except EOFError:
        refuse(path, "a whole gzip file", "one that ends early (truncated)")
    except DAMAGED:
        refuse(path, "a whole gzip file", "damaged data")


def refuse(path: Path, expected: str, found: str, next_step: str | None = None) -> NoReturn:
    """Refuses a file.

    Raises:
        HeadgateError: always.
    """
    again = "get the file again; nothing of it was landed"
    raise HeadgateError(str(path), expected=expected, found=found, next_step=next_step or again)


_KINDS = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
_COPY = "write what it gives into a file, then land that; nothing was landed"


def size_of(path: Path) -> int:
    """Bytes of a file.

    Raises:
        HeadgateError: it is not there, or reading it may never end.
    """
    try:
        found = path.stat()
        if stat.S_ISREG(found.st_mode):
            return found.st_size
        next_step = "name the files in it; nothing was landed" if stat.S_ISDIR(found.st_mode) else _COPY
        refuse(path, "a file", _KINDS.get(stat.S_IFMT(found.st_mode), "something else"), next_step)
    except OSError as error:
        raise HeadgateError(
            str(path), expected="a file", found=error.strerror or "none", next_step="correct the path"
        ) from error
