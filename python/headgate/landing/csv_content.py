"""CSV files with a header: a record per row, its fields of the types that the contract declares."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from headgate.contract import Contract
from headgate.landing.columns import column_types, top_level_keys
from headgate.landing.content import BLOCK, ENCODE, LINE_LIMIT, Content
from headgate.landing.csv_dialect import name_of
from headgate.landing.sniffing import Encoding
from headgate.landing.times import EPOCH_UNITS, parse_time
from headgate.report import number_of

if TYPE_CHECKING:
    from headgate.landing.screen import Screen

Cast = Callable[[str], Any]

#: A number as JSON writes it; what begins with a plus or with zeros that say nothing may be a code.
_NUMBER = re.compile(r"(-?)(?:(0|[1-9]\d*)(?:\.(\d*))?|\.(\d+))([eE][+-]?\d+)?", re.ASCII)
_TIME = re.compile(r"(19|20)\d\d[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d.*)?")
_WITHOUT_ZONE = re.compile(r".{10}[T ][\d:]{8}(\.\d+)?")
_WITH_ZONE = re.compile(r".{10}[T ][\d:]{8}(\.\d+)?(Z| ?[+-]\d\d:?\d\d)")
_TOO_FINE = re.compile(r"\.\d{7}")
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}


#: What helps where a file is not the CSV that was expected.
CORRECT = "correct the file, or `delimiter` and `encoding` of the loader; nothing of it was landed"


class CsvContent(Content):
    """One CSV file."""

    format = "CSV"

    def __init__(
        self,
        path: Path,
        encoding: Encoding,
        delimiter: str,
        contract: Contract | None,
        *,
        is_told: bool = False,
    ) -> None:
        super().__init__(path, encoding)
        self.delimiter = delimiter
        #: The first line says the delimiter, and is no header.
        self._is_told = is_told
        self._types = column_types(contract) if contract else {}
        self._known = top_level_keys(contract) if contract else frozenset()

    def rows(self, screen: Screen) -> Iterator[list[bytes]]:
        """A record per row; a row with more or fewer fields than the header is a reject."""
        csv.field_size_limit(LINE_LIMIT)
        self._row_bytes = 0
        text = io.TextIOWrapper(io.BufferedReader(_Chunks(self._limited())), "utf-8", newline="")
        reader = csv.reader(text, delimiter=self.delimiter, strict=True)
        try:
            if self._is_told:
                next(reader, [])
            first = next(reader, [])
            header = self._header(first)
            yield from self._rows(reader, header, len(first), screen)
        except csv.Error as error:
            self.fail("CSV", f"a row that is none, at line {reader.line_num:,}: {error}", CORRECT)
        except UnicodeDecodeError:
            self.fail("text in utf-8", f"other bytes, behind line {reader.line_num:,}", ENCODE)

    def _limited(self) -> Iterator[bytes]:
        """The text, as long as rows end in it."""
        for chunk in self.chunks():
            self._row_bytes += len(chunk)
            if self._row_bytes > LINE_LIMIT:
                self.fail("CSV", f"a row longer than {LINE_LIMIT >> 20} MB", CORRECT)
            yield chunk

    def _rows(self, reader: Any, header: list[str], columns: int, screen: Screen) -> Iterator[list[bytes]]:
        casts = [_CASTS.get(self._types.get(name, ""), str) for name in header]
        width = len(header)
        lines: list[bytes] = []
        size = 0
        for row in reader:
            self._row_bytes = 0
            if not row:
                continue
            fields = row
            if len(row) > width and len(row) <= max(columns, width + 1):
                fields = self._without_unnamed(row, width, columns, reader.line_num)
            if len(fields) != width:
                # In order: lines are numbered as they come.
                yield screen.messages(lines)
                lines, size = [], 0
                screen.reject_fields(
                    fields, f"{number_of(len(fields), 'field')}, {number_of(width, 'column')}"
                )
                continue
            values = [cast(text) if text else None for cast, text in zip(casts, fields, strict=True)]
            line = orjson.dumps(dict(zip(header, values, strict=True)))
            lines.append(line)
            size += len(line)
            if size >= BLOCK:
                yield screen.messages(lines)
                lines, size = [], 0
        yield screen.messages(lines)

    def _without_unnamed(self, fields: list[str], width: int, columns: int, line: int) -> list[str]:
        """A row without the fields behind the last named column, which are empty."""
        if not any(fields[width:]):
            return fields[:width]
        if columns > width:
            found = f"a value in column {columns:,}, which has no name, in line {line:,}"
            self.fail("a header that names each column once", found, CORRECT)
        return fields

    def _header(self, names: list[str]) -> list[str]:
        found = [name.strip() for name in names]
        if (
            found
            and found[0].startswith("#")
            and not self._known & set(found)
            and (self._known or len(found) < 2)
        ):
            line = 2 if self._is_told else 1
            self.fail("a header that names each column once", f"a comment in line {line}", _NO_COMMENTS)
        while len(found) > 1 and not found[-1]:
            # A delimiter behind each row.
            found.pop()
        if not all(found) or len(set(found)) < len(found):
            what = "a column without a name" if not all(found) else "a name twice"
            self.fail("a header that names each column once", what, CORRECT)
        if self._known and not self._known & set(found):
            self.fail(
                "a header with columns of the contract",
                f"{number_of(len(found), 'column')} that it does not know, between {name_of(self.delimiter)}",
                CORRECT,
            )
        return found


_NO_COMMENTS = "remove the lines that begin with #, which CSV does not know; nothing of it was landed"


def cast_field(kind: str, text: str) -> Any:
    """A field as JSON of a declared type; the text itself where it does not fit."""
    return _CASTS.get(kind, str)(text)


class _Chunks(io.RawIOBase):
    """Chunks as a file."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if not self._rest:
            self._rest = memoryview(next(self._chunks, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def _number(text: str) -> Any:
    found = _NUMBER.fullmatch(text.strip())
    if found is None:
        return text
    sign, whole, fraction, only_fraction, exponent = found.groups()
    digits = fraction or only_fraction
    return orjson.Fragment(f"{sign}{whole or '0'}{f'.{digits}' if digits else ''}{exponent or ''}")


def _boolean(text: str) -> Any:
    return _BOOLEANS.get(text.strip().lower(), text)


def _timestamp(text: str) -> Any:
    """As it came where it is a time with a zone; else in UTC, unless digits would be lost."""
    told = text.strip()
    if not _TIME.fullmatch(told):
        return text
    told = f"{told}T00:00:00" if len(told) == len("2026-01-01") else told
    found = parse_time(told)
    if found is None:
        return text
    if _WITHOUT_ZONE.fullmatch(told):
        return f"{told}Z"
    if _WITH_ZONE.fullmatch(told) or _TOO_FINE.search(told):
        return told
    return found.isoformat().replace("+00:00", "Z")


def _json(kind: type) -> Cast:
    def cast(text: str) -> Any:
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        return orjson.Fragment(text) if isinstance(found, kind) else text

    return cast


_CASTS: dict[str, Cast] = {
    # 1.0 too: the contract says whether it takes that for an integer.
    "integer": _number,
    "number": _number,
    **dict.fromkeys(EPOCH_UNITS, _number),
    "boolean": _boolean,
    "timestamp": _timestamp,
    "date": str.strip,
    "object": _json(dict),
    "array": _json(list),
}
