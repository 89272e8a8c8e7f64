"""Who may ask, and how often."""

from __future__ import annotations

import functools
import ipaddress
import time
from collections.abc import Mapping
from urllib.parse import urlsplit

from headgate.serving.keys import ApiKey, digest
from headgate.serving.refusals import Refusal


class Access:
    """API keys, and a token bucket for each of them.

    Args:
        is_open: nobody of this machine needs a key.
        fixed: keys of a file.
        rate: requests a second and key that are taken; None: any number.
    """

    def __init__(self, *, is_open: bool, fixed: Mapping[str, ApiKey], rate: float | None) -> None:
        self._is_open = is_open
        self._fixed = fixed
        self._rate = rate
        self._buckets: dict[str, tuple[float, float]] = {}
        #: Keys of the database, by hash.
        self.stored: Mapping[str, ApiKey] = {}

    def require(self, headers: Mapping[str, str], scope: str) -> None:
        """Does nothing where the request may go on.

        Raises:
            Refusal: 401 without a usable key, 403 without the scope or from elsewhere, 429 too often.
        """
        return self._count(self.require_scope(headers, scope))

    def require_scope(self, headers: Mapping[str, str], scope: str) -> str:
        """The key's name where it may; the request is not counted.

        Raises:
            Refusal: 401 without a usable key, 403 without the scope or from elsewhere.
        """
        if self._is_open:
            _require_this_machine(headers)
            return ""
        given = _given(headers)
        hashed = digest(given)
        found = self._fixed.get(hashed) or self.stored.get(hashed)
        if found is None:
            raise Refusal(
                401,
                "API key",
                expected="Authorization: Bearer KEY, with a key that is in use",
                found="another one" if given else "none",
                next_step="ask who runs the server for one: `headgate keys add NAME`",
            )
        if scope not in found.scopes:
            raise Refusal(
                403,
                f"API key {found.name}",
                expected=f"the scope {scope}",
                found=", ".join(sorted(found.scopes)) or "none",
                next_step=f"ask for a key with it: `headgate keys add NAME --scope {scope}`",
            )
        return found.name

    def _count(self, name: str) -> None:
        if self._rate is None:
            return
        now = time.monotonic()
        left, at = self._buckets.get(name, (max(self._rate, 1), now))
        left = min(left + (now - at) * self._rate, max(self._rate, 1))
        self._buckets[name] = (max(left - 1, 0) if left >= 1 else left, now)
        if left < 1:
            raise Refusal(
                429,
                "requests",
                expected=f"at most {self._rate:g} a second",
                found="more",
                next_step="wait a second, or send rows in batches",
            )


def _given(headers: Mapping[str, str]) -> str:
    """The key of a request; schemes are named in any case, and another one is for a proxy on the way."""
    authorization = headers.get("authorization", "")
    scheme, _, token = authorization.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key", "") or authorization


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches a server that listens there."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _require_this_machine(headers: Mapping[str, str]) -> None:
    """Refuses what a browser of this machine asks for a page from elsewhere, by name or across origins."""
    for name in ("host", "origin"):
        given = headers.get(name)
        if given and not _is_of_this_machine(given):
            raise Refusal(
                403,
                f"{name.title()} header",
                expected="localhost or an address of loopback, where no key is asked for",
                found="another name",
                next_step="ask http://127.0.0.1, or have keys asked for: `headgate serve --require-key`",
            )


@functools.lru_cache(maxsize=256)
def _is_of_this_machine(place: str) -> bool:
    """Whether a host with its port, or an origin, is of loopback."""
    try:
        return is_loopback(urlsplit(place if "//" in place else f"//{place}").hostname or "")
    except ValueError:
        return False
