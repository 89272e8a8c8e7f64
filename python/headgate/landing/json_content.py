"""JSON files: a record a line, elements of an array, or records one after the other over any lines."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.landing.content import LINE_LIMIT, Content
from headgate.landing.json_layout import Layout
from headgate.landing.json_scanner import ArrayScanner, ValueScanner
from headgate.landing.sniffing import Encoding

if TYPE_CHECKING:
    from headgate.landing.screen import Screen

#: Records that are screened together.
TOGETHER = 100


class JsonContent(Content):
    """One JSON file; a record lands as the bytes it came in."""

    format = "JSON"

    def __init__(
        self, path: Path, encoding: Encoding, layout: Layout = "lines", records: tuple[str, ...] = ()
    ) -> None:
        super().__init__(path, encoding)
        self.layout = layout
        #: The keys that lead to the array of records; none: the text is the array, or the records.
        self.records = records

    def rows(self, screen: Screen) -> Iterator[list[bytes]]:
        """A record per line, element or value."""
        if self.layout == "lines" and not self.records:
            for block in self.blocks():
                yield screen.rows(block)
            return
        texts: list[bytes] = []
        for text in self._texts():
            texts.append(text)
            if len(texts) >= TOGETHER:
                yield screen.messages(texts)
                texts = []
        yield screen.messages(texts)

    def _texts(self) -> Iterator[bytes]:
        array = self.layout == "array"
        scanner = ArrayScanner(() if array else self.records) if array or self.records else ValueScanner()
        for chunk in self.chunks():
            yield from scanner.feed(chunk)
            if scanner.pending > LINE_LIMIT:
                self.fail("records", f"one that is longer than {LINE_LIMIT >> 20} MB")
            if scanner.broken:
                self._refuse_what_stands_beside()
        if not scanner.ended:
            whole = "a whole array" if array else "whole JSON"
            self.fail(whole, "one that ends early (truncated)")

    def _refuse_what_stands_beside(self) -> None:
        if self.layout == "array":
            self.fail("one array", "more behind its end")
        if not self.records:
            self.fail("JSON objects one after the other", "something else between them")
        path = ".".join(self.records)
        self.fail(
            f"objects with an array at {path}",
            "one without",
            "correct `records` of the loader, or the file; nothing of it was landed",
        )
