"""Loads one file with dlt; runs in an environment of its own, where Headgate is not: see dlt_loaders.py.

python dlt_script.py default|arrow URI FILE
"""

from __future__ import annotations

import gzip
import itertools
import json
import sys
from collections.abc import Iterator
from typing import Any

import dlt
import pyarrow

ROWS_AT_ONCE = 10_000


def records(file: str) -> Iterator[list[dict[str, Any]]]:
    """The default loader's input: parsed records, which dlt spreads over tables."""
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
        parsed = (json.loads(line) for line in lines)
        while chunk := list(itertools.islice(parsed, ROWS_AT_ONCE)):
            yield chunk


def tables(file: str) -> Iterator[Any]:
    """The arrow path's input: one column of JSON, as it came."""
    with gzip.open(file, "rt", encoding="utf-8", newline="\n") as lines:
        while chunk := list(itertools.islice(lines, ROWS_AT_ONCE)):
            yield pyarrow.table({"record": chunk})


def main() -> None:
    """Loads the file into the table `events` of the dataset `dlt_<mode>`."""
    mode, uri, file = sys.argv[1:]
    resource = dlt.resource(
        tables(file) if mode == "arrow" else records(file),
        name="events",
        write_disposition="replace",
        columns={"record": {"data_type": "json"}} if mode == "arrow" else None,
    )
    pipeline = dlt.pipeline(
        f"bench_{mode}", destination=dlt.destinations.postgres(uri), dataset_name=f"dlt_{mode}"
    )
    pipeline.run(resource)


if __name__ == "__main__":
    main()
