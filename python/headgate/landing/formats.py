"""Which format a file has: what is declared, else what its name or its first bytes say."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path, PurePosixPath

from headgate.contract import Contract
from headgate.landing.columns import top_level_keys
from headgate.landing.content import Content, read_head, refuse
from headgate.landing.json_content import JsonContent
from headgate.landing.json_layout import Outline, begins_as_json, is_one_value, layout_of, outline_of
from headgate.landing.sniffing import binary_kind, decoded, encoding_of, is_page, is_parquet
from headgate.sources import DeclaredSource, Delivery, Source
from headgate.sources.loaders import Files, loader_of

_SUFFIXES = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_NAMES = {"csv": "CSV", "json": "JSON", "jsonl": "JSON", "parquet": "Parquet"}
_DECLARE = "correct the file, or `format` of the loader; nothing of it was landed"
#: Keys that lists of records stand under in what APIs and exports give; looked for where no contract is.
_WRAPPERS = frozenset(
    {"content", "data", "docs", "documents", "elements", "entities", "entries", "events", "features", "hits"}
    | {"items", "list", "objects", "records", "response", "result", "results", "rows", "value", "values"}
)

#: Keys of answers and exports that say how the list was made or goes on. Any other one says something of its
#: own, such as that of an order with its items: then the object is the record.
_BESIDE = re.compile(
    r"n|ok|success|status|code|message|messages|errors?|warnings?|meta(data)?|info|header|included|facets"
    r"|_?links?|self|href|url|first|last|next.*|prev.*|(has_?)?more.*|count|total.*|.*_?(count|pages?|cursor|token)"
    r"|pag(e|ing|ination|er)(_?.*)?|per_?page|offset|limit|size|(api_?)?version|schema|took|timed_?out|_shards"
    r"|request_?id|generated(_?at)?|timestamp|query|type|object|kind|etag|crs|bbox",
    re.IGNORECASE,
)


def declared_files(source: Source, project_dir: Path) -> Files:
    """What a source declares of its files. Those of built-in sources are JSON, whatever they are called."""
    if not isinstance(source, DeclaredSource):
        return Files(format="json")
    declared = loader_of(source, project_dir)
    return declared if isinstance(declared, Files) else Files()


def content_of(
    delivery: Delivery, path: Path, source: Source, contract: Contract, project_dir: Path
) -> Content:
    """The content of a delivered file that is on this machine.

    Raises:
        HeadgateError: it is empty, damaged, or of another format than declared.
    """
    declared = declared_files(source, project_dir)
    # Records of built-in sources come in every shape, and are never wrapped.
    known = contract if isinstance(source, DeclaredSource) else None
    return open_content(path, PurePosixPath(delivery.shown_uri), declared, known, search=known is not None)


def open_content(
    path: Path, name: PurePosixPath, declared: Files, contract: Contract | None, *, search: bool = True
) -> Content:
    """The content of a file.

    Args:
        path: where it is.
        name: what it is called where it comes from.
        declared: what is said of it.
        contract: what its records hold; None where that is to be found out.
        search: whether records may stand in an array inside of an object although none is declared.

    Raises:
        HeadgateError: it is empty, damaged, or of another format than declared.
    """
    head, whole = read_head(path)
    if is_parquet(head) and format_of(name, declared, default="parquet") == "parquet":
        # Imported here: it takes a while.
        from headgate.landing.parquet_content import ParquetContent

        return ParquetContent(path, contract)
    if kind := binary_kind(head):
        expected = _NAMES[format_of(name, declared)]
        refuse(path, expected, kind, _DECLARE if is_parquet(head) else "unpack or convert it, then land it")
    encoding = encoding_of(head, declared.encoding)
    text = decoded(head, encoding)
    expected = format_of(name, declared, default=_guess(text))
    if is_page(text):
        refuse(path, _NAMES[expected], "an HTML or XML page")
    if expected == "parquet":
        refuse(path, "a whole Parquet file", "another file, or damaged data", _DECLARE)
    if expected == "csv":
        if begins_as_json(text):
            refuse(path, "CSV", "JSON", _DECLARE)
        from headgate.landing.csv_content import CsvContent
        from headgate.landing.csv_dialect import delimiter_of, told_delimiter

        told = told_delimiter(text)
        tabs = "\t" if name.name.lower().removesuffix(".gz").endswith(".tsv") else None
        shown = told or tabs or delimiter_of(text.decode(errors="replace"), whole=whole)
        return CsvContent(path, encoding, declared.delimiter or shown, contract, is_told=told is not None)
    if _guess(text) == "csv" and (other := _as_csv(text, whole=whole)):
        refuse(path, "JSON", other, _DECLARE)
    layout = layout_of(text)
    records = declared.records
    if not records and search and layout != "array" and is_one_value(text, whole=whole):
        lines = layout == "lines" and b"\n" in text.strip()
        records = _wrapped_at(path, outline_of(text), contract, lines=lines)
    return JsonContent(path, encoding, layout, records)


def format_of(name: PurePosixPath, declared: Files, default: str = "json") -> str:
    """csv, json (in any layout) or parquet: what is declared, else what the name says, else `default`."""
    suffix = PurePosixPath(name.name.removesuffix(".gz")).suffix.lower()
    found = declared.format or _SUFFIXES.get(suffix, default)
    return "json" if found == "jsonl" else found


def decisive(name: PurePosixPath, declared: Files) -> Files:
    """What of a declaration decides on what of a file lands, the same for declarations that read it alike."""
    return replace(declared, format=format_of(name, declared, default="any"), location=(), redirects=())


def _guess(text: bytes) -> str:
    """The format of a text whose name says nothing: JSON unless its first line is a header."""
    line = text.lstrip().partition(b"\n")[0]
    return (
        "csv"
        if (line[:1].isalpha() or line[:1] == b'"') and any(mark in line for mark in b",;\t|")
        else "json"
    )


def _as_csv(text: bytes, *, whole: bool) -> str | None:
    """What a text is that should be JSON: CSV, where all of its first rows are and none begins as JSON."""
    from headgate.landing.csv_dialect import certain_delimiter, name_of

    if any(line.lstrip()[:1] in (b"{", b"[") for line in text.splitlines()):
        return None
    found = certain_delimiter(text.decode(errors="replace"), whole=whole)
    return f"CSV with {name_of(found)} between its fields" if found else None


def _wrapped_at(path: Path, found: Outline, contract: Contract | None, *, lines: bool) -> tuple[str, ...]:
    """The keys that lead to the records in an object that is none itself; nothing where it is a record.

    What stands beside the records in a wrapper is dropped: without a contract, objects that are a line each,
    or that say anything of their own, are taken for records.
    """
    if contract is None:
        named = [keys for keys in found.arrays if all(key.lower() in _WRAPPERS for key in keys)]
        if lines or len(named) != 1 or not all(map(_BESIDE.fullmatch, found.keys - {named[0][0]})):
            return ()
        return named[0]
    known = top_level_keys(contract)
    if not known or known & found.keys or not found.arrays:
        return ()
    fitting = [keys for keys, inner in found.arrays.items() if known & inner]
    if len(fitting) != 1:
        refuse(
            path,
            "records with keys of the contract",
            f"an object with arrays at {', '.join('.'.join(keys) for keys in found.arrays)}",
            "name the array in `records` of the loader, such as records: data; nothing of it was landed",
        )
    return fitting[0]
