"""Secrets that are too weak to be one, and texts without those of the environment."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from urllib.parse import unquote

from headgate.errors import UsageError

#: Bytes of a key, and different ones among them: what nobody finds by trying.
LEAST_BYTES = 16
LEAST_DIFFERENT = 6
MAKE_ONE = 'python3 -c "import secrets; print(secrets.token_hex(32))"'

#: Variables that hold a secret as a whole, whoever reads them.
_NAMED = re.compile(r"(PASSWORD|PASSWD|SECRET|TOKEN|CREDENTIALS|(^|_)KEY)$")
#: What stands between the scheme of a URL and its host, up to the last @.
_IN_URL = re.compile(r"://(?P<user>[^:/?#@\s]*)(?::(?P<password>.*))?@", re.DOTALL)
_SHOWN = "***"
#: Shorter ones would take letters out of words that have nothing to do with them.
_LEAST_SHOWN = 3


def require_strong(name: str, value: str | bytes, *, next_step: str) -> None:
    """Refuses a key that can be found by trying.

    Args:
        name: what it was given as: a variable or a file.
        value: the key.
        next_step: what becomes of data or logins that rest on the present one.

    Raises:
        UsageError: it is too short, or the same few bytes over and over.
    """
    key = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
    if len(key) >= LEAST_BYTES and len(set(key)) >= LEAST_DIFFERENT:
        return
    short = len(key) < LEAST_BYTES
    raise UsageError(
        name,
        expected=f"at least {LEAST_BYTES} bytes, {LEAST_DIFFERENT} of them different",
        found=f"{len(key)} bytes" if short else f"{len(set(key))} different bytes",
        next_step=f"make one with {MAKE_ONE}; {next_step}",
    )


def without_secrets(text: str, env: Mapping[str, str]) -> str:
    """A text without the passwords, keys and tokens that the environment holds."""
    for secret in sorted(set(_secrets(env)), key=len, reverse=True):
        text = text.replace(secret, _SHOWN)
    return text


def _secrets(env: Mapping[str, str]) -> Iterator[str]:
    for name, value in env.items():
        if _NAMED.search(name) and len(value) >= _LEAST_SHOWN:
            yield value
        found = _IN_URL.search(value) if "://" in value else None
        for secret in (found["password"], unquote(found["password"])) if found and found["password"] else ():
            if len(secret) >= _LEAST_SHOWN:
                yield secret
