"""Which format a delivered file has: what the source declares, else what its name says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path, PurePosixPath

from headgate.contract import Contract
from headgate.landing.content import Content
from headgate.sources import DeclaredSource, Delivery, Source
from headgate.sources.loaders import Files, loader_of

_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".json": "json", ".parquet": "parquet", ".pq": "parquet"}


def content_of(
    delivery: Delivery, path: Path, source: Source, contract: Contract, project_dir: Path
) -> Content:
    """The content of a file that is on this machine.

    Files of built-in sources are JSON lines, whatever they are called.
    """
    if not isinstance(source, DeclaredSource):
        return Content(path)
    declared = loader_of(source, project_dir)
    declared = declared if isinstance(declared, Files) else Files()
    name = PurePosixPath(delivery.shown_uri.removesuffix(".gz"))
    found = declared.format or _SUFFIXES.get(name.suffix.lower(), "jsonl")
    if found == "csv":
        from headgate.landing.csv_content import CsvContent

        tabs = name.suffix.lower() == ".tsv" and "delimiter" not in source.loader
        return CsvContent(path, contract, replace(declared, delimiter="\t") if tabs else declared)
    if found == "parquet":
        # Imported here: it takes a while.
        from headgate.landing.parquet_content import ParquetContent

        return ParquetContent(path, contract)
    if found == "json":
        from headgate.landing.array_content import ArrayContent

        return ArrayContent(path)
    return Content(path)
