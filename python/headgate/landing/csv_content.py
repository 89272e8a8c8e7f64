"""CSV files with a header: a record per row, its fields of the types that the contract declares."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import orjson

from headgate.contract import Contract
from headgate.errors import HeadgateError
from headgate.landing.content import BLOCK, LINE_LIMIT, Content
from headgate.landing.times import parse_time
from headgate.sources.loaders import Files

if TYPE_CHECKING:
    from headgate.landing.screen import Screen

Cast = Callable[[str], Any]

_INTEGER = re.compile(r"([+-]?)0*(\d+)")
_NUMBER = re.compile(r"([+-]?)0*(\d*)(?:\.(\d*))?([eE][+-]?\d+)?")
_TIME = re.compile(r"(19|20)\d\d[-/]\d\d[-/]\d\d(?:[T ]\d\d:\d\d.*)?")
_BOOLEANS = {
    **dict.fromkeys(("true", "t", "yes", "y", "1"), True),
    **dict.fromkeys(("false", "f", "no", "n", "0"), False),
}


class CsvContent(Content):
    """One CSV file."""

    format = "CSV"

    def __init__(self, path: Path, contract: Contract, declared: Files) -> None:
        super().__init__(path)
        self._types = column_types(contract)
        self._delimiter = declared.delimiter
        # What Excel writes begins with a mark of the byte order.
        utf8 = declared.encoding.lower().replace("-", "").replace("_", "") == "utf8"
        self._encoding = "utf-8-sig" if utf8 else declared.encoding

    def rows(self, screen: Screen) -> Iterator[list[bytes]]:
        """A record per row; a row with more or fewer fields than the header is a reject."""
        csv.field_size_limit(LINE_LIMIT)
        text = io.TextIOWrapper(io.BufferedReader(_Chunks(self._chunks())), self._encoding, newline="")
        reader = csv.reader(text, delimiter=self._delimiter, strict=True)
        try:
            header = self._header(next(reader, []))
            yield from self._rows(reader, header, screen)
        except csv.Error as error:
            self._fail("CSV", f"a row that is none, at line {reader.line_num:,}: {error}")
        except UnicodeDecodeError:
            expected = f"text in {self._encoding.removesuffix('-sig')}"
            self._fail(expected, f"other bytes, behind line {reader.line_num:,}")

    def _rows(self, reader: Iterator[list[str]], header: list[str], screen: Screen) -> Iterator[list[bytes]]:
        casts = [_CASTS.get(self._types.get(name, ""), str) for name in header]
        width = len(header)
        lines: list[bytes] = []
        size = 0
        for fields in reader:
            if not fields:
                continue
            if len(fields) != width:
                # In order: lines are numbered as they come.
                yield screen.messages(lines)
                lines, size = [], 0
                screen.reject_fields(fields, f"{len(fields)} fields, {width} columns")
                continue
            values = [cast(text) if text else None for cast, text in zip(casts, fields, strict=True)]
            line = orjson.dumps(dict(zip(header, values, strict=True)))
            lines.append(line)
            size += len(line)
            if size >= BLOCK:
                yield screen.messages(lines)
                lines, size = [], 0
        yield screen.messages(lines)

    def _header(self, names: list[str]) -> list[str]:
        found = [name.strip() for name in names]
        if not all(found) or len(set(found)) < len(found):
            what = "a column without a name" if not all(found) else "a name twice"
            self._fail("a header that names each column once", what)
        return found

    def _fail(self, expected: str, found: str) -> NoReturn:
        raise HeadgateError(
            str(self.path),
            expected=expected,
            found=found,
            next_step="correct the file, or `delimiter` and `encoding` of the loader; nothing was landed",
        )


def column_types(contract: Contract) -> dict[str, str]:
    """The type of each top-level key that the contract gives one type only."""
    types: dict[str, set[str]] = {}
    for rule in contract.paths:
        if len(rule.steps) == 1:
            types.setdefault(rule.path, set()).add(rule.type)
    return {name: found.pop() for name, found in types.items() if len(found) == 1}


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


def _integer(text: str) -> Any:
    found = _INTEGER.fullmatch(text.strip())
    return text if found is None else orjson.Fragment(_minus(found[1]) + found[2])


def _number(text: str) -> Any:
    found = _NUMBER.fullmatch(text.strip())
    if found is None or not (found[2] or found[3] or "0" in text.partition(".")[0]):
        return text
    sign, whole, fraction, exponent = found.groups()
    digits = (whole or "0") + (f".{fraction}" if fraction else "") + (exponent or "")
    return orjson.Fragment(_minus(sign) + digits)


def _minus(sign: str) -> str:
    return "-" if sign == "-" else ""


def _boolean(text: str) -> Any:
    return _BOOLEANS.get(text.strip().lower(), text)


def _timestamp(text: str) -> Any:
    if not _TIME.fullmatch(text.strip()):
        return text
    day_only = len(text.strip()) == 10
    found = parse_time(f"{text.strip()}T00:00:00" if day_only else text)
    return text if found is None else found.isoformat().replace("+00:00", "Z")


def _json(kind: type) -> Cast:
    def cast(text: str) -> Any:
        try:
            found = orjson.loads(text)
        except orjson.JSONDecodeError:
            return text
        return orjson.Fragment(text) if isinstance(found, kind) else text

    return cast


_CASTS: dict[str, Cast] = {
    "integer": _integer,
    "number": _number,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "object": _json(dict),
    "array": _json(list),
}
