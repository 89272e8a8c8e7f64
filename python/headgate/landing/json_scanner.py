"""Cuts JSON text into records without reading them: elements of an array, or values one after the other."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

#: A whole string, a bracket or a comma; a quote alone begins a string that goes on in the next chunk.
TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},"]', re.DOTALL)
#: What a string holds, up to its quote or to where the text ends: before a backslash without its letter.
INSIDE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_QUOTE, _COMMA = b'",'
_OPENING, _CLOSING = b"[{", b"]}"
_BRACE = b"{"[0]
#: What may stand between records: also the separator of JSON text sequences.
BLANK = b" \t\r\n\x1e"


class _Scanner:
    """What both keep of a text that comes in chunks: the part that has not been given out."""

    def __init__(self) -> None:
        # Grows in place: an element of many chunks is neither copied nor read again for each of them.
        self._data = bytearray()
        #: Where the present element begins, and up to where tokens have been read.
        self._start = self._at = self._depth = 0
        #: Where a string begins that has not ended.
        self._string: int | None = None

    @property
    def pending(self) -> int:
        """Bytes of the element or value that has not ended."""
        return len(self._data) - self._start

    def _take(self, chunk: bytes) -> None:
        """Puts a chunk behind what has not been given out, which moves to the front."""
        self._at -= self._start
        self._string = None if self._string is None else self._string - self._start
        del self._data[: self._start]
        self._data += chunk
        self._start = 0

    def _begin_string(self, place: int) -> None:
        """Notes a string that goes on in the next chunk."""
        self._string, self._at = place, place + 1
        self._read_string()

    def _read_string(self) -> bool:
        """Reads on in the string that has not ended; whether it has now."""
        found = INSIDE.match(self._data, self._at)
        assert found is not None
        self._at = found.end()
        if self._data[self._at : self._at + 1] != b'"':
            return False
        self._at += 1
        return True

    def _kept_from(self) -> int:
        """Where the text begins that tokens have not been read of to their end."""
        return self._at if self._string is None else self._string

    def _cut(self, start: int, end: int) -> bytes:
        return bytes(self._data[start:end])


class ArrayScanner(_Scanner):
    """Cuts an array at the commas of its first level; what stands between is not looked into.

    The array is the text itself, or stands at `path`, the keys that lead to it, in every value of the text.
    """

    def __init__(self, path: tuple[str, ...] = ()) -> None:
        super().__init__()
        #: All that was begun has ended.
        self.ended = False
        #: Something stands behind the end of the array, or a value has no array at the path.
        self.broken = False
        self._path = path
        #: The depth inside of the array.
        self._level = len(path) + 1
        #: Open objects on the way to the array; whether a key comes next in the innermost; the last key.
        self._way, self._key_next, self._key = 0, False, ""
        self._inside = self._found = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The elements that end in a chunk."""
        self._take(chunk)
        if self._string is not None:
            if not self._read_string():
                return
            self._take_key(self._string, self._at)
            self._string = None
        for token in TOKEN.finditer(self._data, self._at):
            byte = self._data[token.start()]
            if byte != _QUOTE:
                if not self._inside:
                    self._step(byte, token.start())
                elif (element := self._step_inside(byte, token.start())) is not None:
                    yield element
            elif token.end() - token.start() == 1:
                self._begin_string(token.start())
                break
            else:
                self._take_key(token.start(), token.end())
        else:
            self._at = len(self._data)
        if not self._inside and self._path:
            self._start = self._kept_from()
        elif self.ended:
            self.broken = self.broken or bool(self._data[self._start :].strip(BLANK))

    def _take_key(self, start: int, end: int) -> None:
        """Takes in a string: a key on the way, or nothing that matters."""
        if self._key_next and self._depth == self._way:
            self._key, self._key_next = text_of(self._cut(start, end)), False

    def _step(self, byte: int, place: int) -> None:
        """Takes in a bracket or a comma outside of the array."""
        if byte in _OPENING:
            self._open(byte, place)
        elif byte == _COMMA:
            self._key_next = self._depth == self._way
        else:
            self._close()

    def _step_inside(self, byte: int, place: int) -> bytes | None:
        """Takes in a bracket or a comma; the element that ends there."""
        element: bytes | None = None
        if byte in _OPENING:
            self._depth += 1
        elif byte == _COMMA:
            if self._depth == self._level:
                element, self._start = self._cut(self._start, place).strip(), place + 1
        else:
            self._depth -= 1
            if self._depth < self._level:
                element = self._cut(self._start, place).strip() or None
                self._inside, self._start = False, place + 1
                self.ended = self._depth == 0
        return element

    def _open(self, byte: int, place: int) -> None:
        on_the_way = self._depth == self._way and (not self._way or self._key == self._path[self._way - 1])
        if self._depth == 0:
            # A second value is one too many, unless each has an array at the path.
            self.broken = self.broken or (self.ended and not self._path)
            self.ended = self._found = False
        self._depth += 1
        if byte == _BRACE and on_the_way and self._way < len(self._path):
            self._way, self._key_next = self._way + 1, True
        elif byte != _BRACE and on_the_way and self._way == len(self._path):
            self._inside = self._found = True
            self._start = place + 1

    def _close(self) -> None:
        if self._depth == self._way:
            self._way = max(0, self._way - 1)
            self._key = ""
        self._depth -= 1
        if self._depth == 0:
            self.ended = True
            self.broken = self.broken or not self._found
        self.broken = self.broken or self._depth < 0


class ValueScanner(_Scanner):
    """Cuts a text at the ends of the objects and arrays that stand in it one after the other."""

    def __init__(self) -> None:
        super().__init__()
        #: All that was begun has ended.
        self.ended = True
        #: Something else stands between two values.
        self.broken = False

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The values that end in a chunk."""
        self._take(chunk)
        if self._string is not None:
            if not self._read_string():
                return
            self._string = None
        for token in TOKEN.finditer(self._data, self._at):
            byte = self._data[token.start()]
            if byte in _OPENING:
                self._open(token.start())
            elif byte in _CLOSING:
                self._depth -= 1
                if self._depth == 0:
                    yield self._cut(self._start, token.end())
                    self._start = token.end()
            elif byte == _QUOTE and token.end() - token.start() == 1:
                self._begin_string(token.start())
                break
        else:
            self._at = len(self._data)
        self.ended = self._depth == 0
        if self._depth <= 0:
            self._skip(len(self._data))

    def _open(self, place: int) -> None:
        if self._depth == 0:
            self._skip(place)
        self._depth += 1

    def _skip(self, place: int) -> None:
        """Passes what stands before a value: nothing may."""
        self.broken = self.broken or self._depth < 0 or bool(self._data[self._start : place].strip(BLANK))
        self._start = place


def text_of(token: bytes) -> str:
    """What a string says; nothing where it is none."""
    try:
        return str(json.loads(token))
    except ValueError:
        return ""
