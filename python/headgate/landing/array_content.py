"""JSON files that hold one array of records; each element lands as the bytes it came in."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from headgate.landing.content import LINE_LIMIT, Content

if TYPE_CHECKING:
    from headgate.landing.screen import Screen

#: A whole string, a bracket or a comma; a quote alone begins a string that goes on in the next chunk.
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[\[\]{},"]', re.DOTALL)
_QUOTE, _COMMA = b'",'
_OPENING, _CLOSING = b"[{", b"]}"
#: Elements that are screened together.
TOGETHER = 100


class ArrayContent(Content):
    """One JSON file: an array, or else JSON lines."""

    format = "JSON"

    def rows(self, screen: Screen) -> Iterator[list[bytes]]:
        """A record per element."""
        if not self._is_array():
            yield from super().rows(screen)
            return
        elements: list[bytes] = []
        for element in self._elements():
            elements.append(element)
            if len(elements) >= TOGETHER:
                yield screen.messages(elements)
                elements = []
        yield screen.messages(elements)

    def _is_array(self) -> bool:
        with self.path.open("rb") as file, self._unpacked(file) as unpacked:
            return self._read(unpacked).lstrip()[:1] == b"["

    def _elements(self) -> Iterator[bytes]:
        """The texts between the commas of the outermost array."""
        scanner = _Scanner()
        for chunk in self._chunks():
            yield from scanner.feed(chunk)
            if scanner.pending > LINE_LIMIT:
                self._fail("records", f"one that is longer than {LINE_LIMIT >> 20} MB")
            if scanner.broken:
                self._fail("one array", "more behind its end")
        if not scanner.ended:
            self._fail("a whole array", "one that ends early (truncated)")


class _Scanner:
    """Cuts an array at the commas of its first level; what stands between is not looked into."""

    def __init__(self) -> None:
        self.ended = False
        #: Something stands behind the end of the array.
        self.broken = False
        self._data = b""
        self._start = self._at = self._depth = 0

    @property
    def pending(self) -> int:
        """Bytes of the element that has not ended."""
        return len(self._data) - self._start

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """The elements that end in a chunk."""
        self._at -= self._start
        self._data, self._start = self._data[self._start :] + chunk, 0
        resume = len(self._data)
        for token in _TOKEN.finditer(self._data, self._at):
            byte = self._data[token.start()]
            if byte != _QUOTE:
                if (element := self._step(byte, token.start())) is not None:
                    yield element
            elif token.end() - token.start() == 1:
                resume = token.start()
                break
        self._at = resume
        self.broken = self.broken or (self.ended and bool(self._data[self._start :].strip()))

    def _step(self, byte: int, place: int) -> bytes | None:
        """Takes in a bracket or a comma; the element that ends there."""
        element: bytes | None = None
        if byte in _OPENING:
            self._depth += 1
            if self._depth == 1:
                self.broken = self.ended
                self._start = place + 1
        elif byte == _COMMA:
            if self._depth == 1:
                element, self._start = self._data[self._start : place].strip(), place + 1
        else:
            self._depth -= 1
            if self._depth == 0:
                element = self._data[self._start : place].strip() or None
                self.ended, self._start = True, place + 1
        self.broken = self.broken or self._depth < 0
        return element
