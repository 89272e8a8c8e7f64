"""Who may ask, and how often."""

from __future__ import annotations

import time
from collections.abc import Mapping

from headgate.serving.keys import ApiKey, digest
from headgate.serving.refusals import Refusal


class Access:
    """API keys, and a token bucket for each of them.

    Args:
        is_open: nobody needs a key.
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
            Refusal: 401 without a usable key, 403 without the scope, 429 when it asks too often.
        """
        if self._is_open:
            return self._count("")
        return self._count(self.require_scope(headers, scope))

    def require_scope(self, headers: Mapping[str, str], scope: str) -> str:
        """The key's name where it may; the request is not counted.

        Raises:
            Refusal: 401 without a usable key, 403 without the scope.
        """
        if self._is_open:
            return ""
        given = headers.get("authorization", "").removeprefix("Bearer ") or headers.get("x-api-key", "")
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
