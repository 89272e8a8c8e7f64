"""The demonstration's mishap: the last hour arrives cut short at first, and whole later."""

from __future__ import annotations

import gzip
from itertools import islice
from pathlib import Path

import httpx

from headgate import private
from headgate.errors import HeadgateError
from headgate.settings import Settings
from headgate_github.archive import archive_url, file_name
from headgate_github.demo.hours import LAST

#: How much of the hour arrives at first.
SHARE = 0.8
SECONDS_TO_FETCH = 60


def cut_last_hour(settings: Settings) -> Path:
    """A file with the first part of the last hour's lines, named as the hour.

    Args:
        settings: those under which the demonstration finds its hours.

    Raises:
        HeadgateError: the archive does not give the hour.
    """
    folder = private.folder(settings.home / "demo" / "cut")
    if settings.data_dir:
        whole = settings.data_dir / file_name(LAST)
    else:
        whole = _fetch(settings, folder / "whole.gz")
    with gzip.open(whole) as file:
        lines = sum(1 for _ in file)
    cut = folder / file_name(LAST)
    with gzip.open(whole) as file, gzip.open(cut, "wb", compresslevel=1) as target:
        target.writelines(islice(file, int(lines * SHARE)))
    return cut


def _fetch(settings: Settings, target: Path) -> Path:
    url = f"{archive_url(settings)}/{file_name(LAST)}"
    try:
        answer = httpx.get(url, timeout=SECONDS_TO_FETCH, follow_redirects=True).raise_for_status()
    except httpx.HTTPError as error:
        raise HeadgateError(
            url,
            expected="the hour",
            found=str(error) or type(error).__name__,
            next_step="run `make demo` again, or set HEADGATE_DATA to a folder with the hours",
        ) from error
    target.write_bytes(answer.content)
    return target
