"""Reads a sample of records as landing reads files, and refuses what that would refuse."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, NoReturn, cast

import orjson

from headgate.errors import HeadgateError, UsageError
from headgate.landing.content import ENCODE, Content
from headgate.landing.csv_content import CsvContent, cast_field
from headgate.landing.formats import open_content
from headgate.landing.json_content import JsonContent
from headgate.landing.screen import Screen
from headgate.scaffold.instants import type_of_text
from headgate.sources.loaders import Files

#: Records that are looked at, from the start of the file.
MOST = 20_000
#: Types that the fields of a CSV column may all have, in the order in which they are tried.
_TYPES = ("boolean", "number", "timestamp", "object", "array")
_TRUTH = frozenset({"true", "false"})

#: What JSON values are that are no objects.
_KINDS = {list: "a list", str: "a text", bool: "a truth value", type(None): "null"}

Record = dict[str, Any]


@dataclass(frozen=True)
class Sample:
    """The first records of a file, and what a loader has to declare to read such files."""

    records: list[Record]
    loader: Mapping[str, str]


def read_sample(file: Path, most: int = MOST, declared: Files | None = None) -> Sample:
    """The first records of a file, at most so many.

    Args:
        file: JSON in any layout, CSV or Parquet; gzipped or not.
        most: how many records are read.
        declared: what the loader will say of such files.

    Raises:
        UsageError: there is no such file, or it holds no records; the message quotes nothing.
    """
    if not file.is_file():
        raise _unusable(file, "a file", "none", "give the path of a sample")
    declared = declared or Files()
    collected = _Collected(file)
    try:
        content = open_content(file, PurePosixPath(file.name), declared, None)
        for _ in content.rows(cast("Screen", collected)):
            if len(collected.records) >= most:
                break
    except UsageError:
        raise
    except HeadgateError as error:
        raise _unusable(file, error.expected, error.found, _advice(error)) from error
    records = collected.records[:most]
    if not records:
        raise _unusable(file, "at least one record", "none", "give a sample with some hundred records")
    if isinstance(content, CsvContent):
        _type_columns(records)
    return Sample(records, _loader(file, declared, content))


def _loader(file: Path, declared: Files, content: Content) -> dict[str, str]:
    """The options that landing needs, or that are better said than found out file by file."""
    options = {"format": content.format.lower()}
    if isinstance(content, JsonContent) and content.layout == "lines" and ".json" not in file.suffixes:
        options["format"] = "jsonl"
    if isinstance(content, CsvContent) and content.delimiter != ",":
        options["delimiter"] = content.delimiter
    if isinstance(content, JsonContent) and content.records:
        options["records"] = ".".join(content.records)
    if declared.encoding != Files.encoding:
        options["encoding"] = declared.encoding
    return options


class _Collected:
    """Takes records as landing's screen does, and refuses the sample where that rejects one."""

    def __init__(self, file: Path) -> None:
        self.records: list[Record] = []
        self._file = file
        self._read = 0

    def rows(self, block: bytes) -> list[bytes]:
        """Takes a block of lines."""
        return self.messages(block.removesuffix(b"\n").split(b"\n"))

    def messages(self, texts: Iterable[bytes]) -> list[bytes]:
        """Takes records one by one; blank lines are none."""
        for text in texts:
            self._read += 1
            if text.strip():
                self.records.append(self._record(text))
        return []

    def reject_fields(self, _fields: Sequence[str], reason: str) -> None:
        """Refuses the sample."""
        self._refuse(reason)

    def reject_record(self, _text: bytes, reason: str) -> None:
        """Refuses the sample."""
        self._refuse(reason)

    def _record(self, text: bytes) -> Record:
        try:
            found = json.loads(text, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise self._error("JSON in each record", "none") from error
        if isinstance(found, dict):
            return found
        raise self._error("an object per record", _KINDS.get(type(found), "a number"))

    def _refuse(self, reason: str) -> NoReturn:
        self._read += 1
        raise self._error("records that can land", reason)

    def _error(self, expected: str, found: str) -> UsageError:
        return _unusable(self._file, expected, f"{found} in record {self._read:,}", "correct the sample")


def _type_columns(records: list[Record]) -> None:
    """Gives each column of CSV the type that all its fields have, as landing will when it is declared."""
    for name in records[0]:
        texts = [record[name] for record in records if record[name] is not None]
        kind = next((kind for kind in _TYPES if texts and _fits(kind, texts)), None)
        if kind is not None:
            for record in records:
                if record[name] is not None:
                    record[name] = json.loads(orjson.dumps(cast_field(kind, record[name])))


def _fits(kind: str, texts: Sequence[str]) -> bool:
    if kind == "boolean":
        return all(text.strip().lower() in _TRUTH for text in texts)
    if kind == "timestamp":
        # Days alone stay what they are. So does a time that is told in full.
        kinds = {type_of_text(text.strip()) for text in texts}
        return kinds in ({"timestamp"}, {"timestamp", "date"})
    # What is not read stays the text that it was.
    return all(cast_field(kind, text) is not text for text in texts)


def _advice(error: HeadgateError) -> str:
    if error.next_step == ENCODE:
        return "give --encoding, such as latin-1 or windows-1252, or save the sample as UTF-8"
    return "correct the sample, or give another one"


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _unusable(file: Path, expected: str, found: str, next_step: str) -> UsageError:
    return UsageError(f"sample {file}", expected=expected, found=found, next_step=next_step)
