"""Reads a sample of records: JSON lines, a JSON array, CSV with a heading; gzipped or not."""

from __future__ import annotations

import csv
import gzip
import io
import itertools
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from headgate.errors import UsageError

#: Records that are looked at, from the start of the file.
MOST = 20_000
_INTEGER = re.compile(r"-?(0|[1-9]\d{0,17})")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,17})\.\d{1,17}")

Record = dict[str, Any]


def read_sample(file: Path, most: int = MOST) -> list[Record]:
    """The first records of a file, at most so many.

    Raises:
        UsageError: there is no such file, or it holds no records; the message quotes nothing.
    """
    if not file.is_file():
        raise _unusable(file, "a file", "none", "give the path of a sample")
    suffixes = [suffix.lower() for suffix in file.suffixes]
    open_file: Any = gzip.open if suffixes[-1:] == [".gz"] else open
    with open_file(file, "rt", encoding="utf-8-sig", newline="") as text:
        try:
            if ".csv" in suffixes:
                records = list(itertools.islice(_csv(text), most))
            elif ".json" in suffixes:
                records = _json(file, text.read())[:most]
            else:
                records = list(itertools.islice(_lines(file, text), most))
        except (UnicodeDecodeError, gzip.BadGzipFile, EOFError) as error:
            kind = "text in UTF-8" if isinstance(error, UnicodeDecodeError) else "whole gzip"
            raise _unusable(file, kind, "something else", "give another sample") from error
    if not records:
        raise _unusable(file, "at least one record", "none", "give a sample with some hundred records")
    return records


def format_of(file: Path) -> str:
    """The format of a file by its name, as a loader mapping has it: csv, json or jsonl."""
    suffixes = {suffix.lower() for suffix in file.suffixes}
    return "csv" if ".csv" in suffixes else "json" if ".json" in suffixes else "jsonl"


def _lines(file: Path, text: IO[str]) -> Iterator[Record]:
    # Not splitlines(): strings may hold U+2028.
    for number, line in enumerate(text.read().split("\n"), 1):
        if line.strip():
            yield _object(file, _parsed(file, line, number), f"line {number}")


def _json(file: Path, text: str) -> list[Record]:
    try:
        found = json.loads(text)
    except ValueError:
        # A file of JSON lines is often called .json.
        return list(_lines(file, io.StringIO(text)))
    listed = found if isinstance(found, list) else [found]
    return [_object(file, item, f"element {number}") for number, item in enumerate(listed, 1)]


def _csv(text: IO[str]) -> Iterator[Record]:
    """Rows of a CSV file; numbers and truth values become what they look like, nothing becomes null."""
    for row in csv.DictReader(text):
        yield {key: _cell(value) for key, value in row.items() if isinstance(key, str)}


def _cell(value: Any) -> Any:
    if not isinstance(value, str) or not value:
        return None
    if value in ("true", "false"):
        return value == "true"
    if _INTEGER.fullmatch(value):
        return int(value)
    return float(value) if _NUMBER.fullmatch(value) else value


def _parsed(file: Path, line: str, number: int) -> Any:
    try:
        return json.loads(line)
    except ValueError as error:
        raise _unusable(file, "JSON on every line", f"none on line {number}", "correct the sample") from error


def _object(file: Path, value: Any, place: str) -> Record:
    if isinstance(value, dict):
        return value
    kind = type(value).__name__
    raise _unusable(file, "an object per record", f"a {kind} at {place}", "correct the sample")


def _unusable(file: Path, expected: str, found: str, next_step: str) -> UsageError:
    return UsageError(f"sample {file}", expected=expected, found=found, next_step=next_step)
