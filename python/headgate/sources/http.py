"""Downloads that survive a bad network: retries with back-off, resuming where the last attempt stopped."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential, wait_random

from headgate import __version__, private
from headgate.errors import HeadgateError
from headgate.sources.base import without_credentials
from headgate.sources.downloads import name_of

#: Attempts in a row that bring not one new byte.
PATIENCE = 6
#: Server answers that may be different next time.
TRANSIENT = {408, 425, 429, 500, 502, 503, 504}

#: Called with the bytes that are here and the bytes that there are (0: unknown).
OnBytes = Callable[[int, int], None]


class _TryAgainError(Exception):
    """The server's answer may be different next time."""


def exists(url: str) -> bool:
    """True when the server has the file.

    Raises:
        HeadgateError: the server cannot be asked.
    """
    with _client() as client:
        response = _persist(url, lambda: _checked(client.head(url)), lambda: 0)
    if response.status_code in (404, 410):
        return False
    _require_success(response)
    return True


def download(url: str, folder: Path, on_bytes: OnBytes | None = None) -> Path:
    """Downloads a file into `folder`; what an earlier attempt left there is resumed.

    Raises:
        HeadgateError: the server has no such file, or cannot be reached.
    """
    private.folder(folder)
    target = folder / name_of(url)
    part = target.with_name(f"{target.name}.part")
    with _client() as client:
        _persist(url, lambda: _attempt(client, url, part, on_bytes), lambda: _size(part))
    _mark(part).unlink(missing_ok=True)
    return part.replace(target)


def _attempt(client: httpx.Client, url: str, part: Path, on_bytes: OnBytes | None) -> None:
    """One request: appends to `part` when the server's file is still the one it was begun from."""
    here, mark = _size(part), _read_mark(part)
    resume = {"Range": f"bytes={here}-", "If-Range": mark} if here and mark else {}
    with client.stream("GET", url, headers=resume) as response:
        if response.status_code == 416 and response.headers.get("Content-Range") == f"bytes */{here}":
            return
        _checked(response)
        _require_success(response)
        resumed = response.status_code == 206
        if resumed and not response.headers.get("Content-Range", "").startswith(f"bytes {here}-"):
            part.unlink()
            raise _TryAgainError("another range than the one that was asked for")
        here = here if resumed else 0
        _mark(part).write_text(json.dumps(_validator(response)))
        total = here + int(response.headers.get("Content-Length") or 0)
        with part.open("ab" if resumed else "wb") as file:
            # No chunk size: httpx would hold back, and lose, what came before the connection broke.
            for chunk in response.iter_raw():
                file.write(chunk)
                here += len(chunk)
                if on_bytes:
                    on_bytes(here, total)


def _persist(url: str, attempt: Callable[[], Any], progress: Callable[[], int]) -> Any:
    """Repeats `attempt`, waiting longer each time, until it succeeds or brings nothing new for too long."""
    best, idle = -1, 0

    def give_up(_: RetryCallState) -> bool:
        nonlocal best, idle
        idle = 0 if progress() > best else idle + 1
        best = max(best, progress())
        return idle >= PATIENCE

    retrying = Retrying(
        retry=retry_if_exception_type((httpx.TransportError, _TryAgainError)),
        wait=wait_exponential(multiplier=0.5, max=30) + wait_random(0, 0.5),
        stop=give_up,
        reraise=True,
    )
    try:
        return retrying(attempt)
    except (httpx.TransportError, _TryAgainError) as error:
        raise HeadgateError(
            without_credentials(url),
            expected="an answer",
            found=str(error) or type(error).__name__,
            next_step="check the network and HEADGATE_ARCHIVE_URL, then run the command again: it resumes",
        ) from error


def _client() -> httpx.Client:
    # identity: the file is wanted as it is stored, not as a server might compress it on the way.
    headers = {"Accept-Encoding": "identity", "User-Agent": f"headgate/{__version__}"}
    return httpx.Client(headers=headers, timeout=httpx.Timeout(60, connect=15), follow_redirects=True)


def _checked(response: httpx.Response) -> httpx.Response:
    if response.status_code in TRANSIENT:
        raise _TryAgainError(f"HTTP status {response.status_code}")
    return response


def _require_success(response: httpx.Response) -> None:
    if response.is_success:
        return
    missing = response.status_code in (404, 410)
    raise HeadgateError(
        without_credentials(str(response.url)),
        expected="a published file",
        found=f"HTTP status {response.status_code}" + (": it is not there (yet)" if missing else ""),
        next_step="run the command again later; some hours were never published"
        if missing
        else "check the URL",
    )


def _validator(response: httpx.Response) -> str:
    """What tells this version of the file from another; empty when the server does not say."""
    etag = str(response.headers.get("ETag", ""))
    return etag if etag and not etag.startswith("W/") else str(response.headers.get("Last-Modified", ""))


def _read_mark(part: Path) -> str:
    try:
        return str(json.loads(_mark(part).read_text()))
    except (OSError, ValueError):
        return ""


def _mark(part: Path) -> Path:
    return part.with_name(f"{part.name}.version")


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0
