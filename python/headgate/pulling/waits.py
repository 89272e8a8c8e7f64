"""How long an answer asks to wait: Retry-After, and the headers of rate limits in their usual forms."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import httpx

#: Seconds to wait for a limit that does not say how long.
UNKNOWN_WAIT = 60.0
#: Prefixes of `Remaining` and `Reset`.
LIMITS = ("X-RateLimit-", "RateLimit-", "X-Rate-Limit-")
#: A reset below this is seconds from now; above the others it is milliseconds or microseconds since 1970.
SECONDS_FROM_NOW, MILLISECONDS, MICROSECONDS = 1e8, 1e11, 1e14
#: Further ahead than anybody waits; datetime ends in the year 9999.
FAR = 10 * 365 * 86_400.0


def asked_for(response: httpx.Response, now: float) -> float | None:
    """Seconds that an answer asks to wait, 0 or more; None when it does not say.

    `now` is our clock, seconds since 1970, for servers that do not tell theirs.
    """
    server_time = _moment(response.headers.get("Date", "")) or now
    refused = response.status_code in (403, 429, 503)
    if refused and (after := _retry_after(response.headers.get("Retry-After", ""), server_time)) is not None:
        return after
    if (reset := _until_reset(response, server_time)) is not None:
        return reset
    limited = response.status_code in (403, 429) and b"rate limit" in response.content[:2000].lower()
    return UNKNOWN_WAIT if limited else None


def until(seconds: float, now: float) -> str:
    """When a wait ends, for messages."""
    if seconds > FAR:
        return "years from now"
    return f"until {datetime.fromtimestamp(now + seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _retry_after(text: str, server_time: float) -> float | None:
    seconds = _number(text)
    if seconds is None:
        moment = _moment(text)
        seconds = None if moment is None else moment - server_time
    return None if seconds is None else max(0.0, seconds)


def _until_reset(response: httpx.Response, server_time: float) -> float | None:
    """Seconds until a limit that is used up begins anew."""
    for prefix in LIMITS:
        remaining = _number(response.headers.get(f"{prefix}Remaining", ""))
        reset = _number(response.headers.get(f"{prefix}Reset", ""))
        if remaining is not None and remaining <= 0 and reset is not None:
            return _from_now(reset, server_time)
    return None


def _from_now(reset: float, server_time: float) -> float:
    if reset < SECONDS_FROM_NOW:
        return max(0.0, reset)
    if reset >= MICROSECONDS:
        reset /= 1e6
    elif reset >= MILLISECONDS:
        reset /= 1e3
    # The moment is a whole second of the server's clock: one more is on the safe side.
    return reset - server_time + 1 if reset > server_time else 0.0


def _number(text: str) -> float | None:
    try:
        found = float(text)
    except ValueError:
        return None
    return found if math.isfinite(found) else None


def _moment(text: str) -> float | None:
    try:
        found = parsedate_to_datetime(text)
        # HTTP dates are GMT, also where they do not say so.
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
