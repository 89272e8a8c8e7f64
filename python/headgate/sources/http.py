"""Downloads that survive a bad network: retries with back-off, resuming where the last attempt stopped."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from tenacity import RetryCallState, Retrying, retry_if_exception_type, wait_exponential, wait_random

from headgate import __version__, private
from headgate.errors import HeadgateError
from headgate.sources.base import without_credentials
from headgate.sources.downloads import name_of
from headgate.sources.hosts import REDIRECTS, require_allowed, require_peer

#: Attempts in a row that bring not one new byte.
PATIENCE = 6
#: Seconds after which an attempt has to have brought so many bytes a second.
SECONDS_TO_SPEED, LEAST_SPEED = 300.0, 1_000
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

    def ask() -> httpx.Response:
        with _asked(client, "HEAD", url, {}, ()) as response:
            return _checked(response)

    with _client() as client:
        response = _persist(url, ask, lambda: 0)
    if response.status_code in (404, 410):
        return False
    _require_success(response)
    return True


@dataclass(frozen=True)
class Downloaded:
    """A file that was fetched."""

    path: Path
    #: Where its bytes came from, without credentials: the end of all redirects.
    url: str


def download(url: str, folder: Path, on_bytes: OnBytes | None = None) -> Path:
    """Downloads a file into `folder`, as `fetch`; where it is."""
    return fetch(url, folder, on_bytes).path


def fetch(
    url: str, folder: Path, on_bytes: OnBytes | None = None, redirects: Collection[str] = ()
) -> Downloaded:
    """Downloads a file into `folder`; what an earlier attempt left there is resumed.

    Redirects are followed on the same host, and to the hosts `redirects`.

    Raises:
        HeadgateError: the server has no such file, leads elsewhere, is far too slow, or cannot be reached.
    """
    private.folder(folder)
    target = folder / name_of(url)
    part = target.with_name(f"{target.name}.part")
    with _client() as client:
        found = _persist(url, lambda: _attempt(client, url, part, on_bytes, redirects), lambda: _size(part))
    _mark(part).unlink(missing_ok=True)
    moved = httpx.URL(found) != httpx.URL(url)
    return Downloaded(part.replace(target), without_credentials(found if moved else url))


def _attempt(
    client: httpx.Client, url: str, part: Path, on_bytes: OnBytes | None, redirects: Collection[str]
) -> str:
    """One request: appends to `part` when the server's file is still the one it was begun from.

    Returns the URL that answers in the end.
    """
    here, mark = _size(part), _read_mark(part)
    resume = {"Range": f"bytes={here}-", "If-Range": mark} if here and mark else {}
    with _asked(client, "GET", url, resume, redirects) as response:
        if response.status_code == 416 and response.headers.get("Content-Range") == f"bytes */{here}":
            return str(response.url)
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
            for chunk in _at_speed(url, response.iter_raw()):
                file.write(chunk)
                here += len(chunk)
                if on_bytes:
                    on_bytes(here, total)
    return str(response.url)


@contextmanager
def _asked(
    client: httpx.Client, method: str, url: str, headers: dict[str, str], redirects: Collection[str]
) -> Iterator[httpx.Response]:
    """The answer at the end of all redirects."""
    home = place = httpx.URL(url)
    for _ in range(REDIRECTS + 1):
        with client.stream(method, place, headers=headers) as response:
            require_peer(response, home)
            if not response.has_redirect_location:
                yield response
                return
            try:
                place = response.url.join(response.headers["Location"])
            except httpx.InvalidURL:
                raise _misled(url, "a redirect to text that is no URL") from None
        require_allowed(place, home, redirects)
    raise _misled(url, f"more than {REDIRECTS} redirects")


def _at_speed(url: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
    """Chunks as they come, unless they take for ever."""
    began, size = time.monotonic(), 0
    for chunk in chunks:
        size += len(chunk)
        seconds = time.monotonic() - began
        if seconds > SECONDS_TO_SPEED and size < LEAST_SPEED * seconds:
            raise HeadgateError(
                without_credentials(url),
                expected=f"{LEAST_SPEED:,} bytes a second",
                found=f"{size / seconds:,.0f} in {seconds:,.0f} s",
                next_step="check the network and the server, then run the command again: it resumes",
            )
        yield chunk


def _misled(url: str, found: str) -> HeadgateError:
    return HeadgateError(
        without_credentials(url), expected="a published file", found=found, next_step="correct the URL"
    )


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
    return httpx.Client(headers=headers, timeout=httpx.Timeout(60, connect=15), follow_redirects=False)


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
