"""URIs of PostgreSQL: read so strictly that each has one meaning, shown without what is secret in them.

A URI whose password holds an unescaped `@`, `/`, `?` or `#` means one thing to libpq and another to asyncpg,
and both take parts of that password for a host, a port or a database, which are shown. So it is refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlencode

from headgate.errors import UsageError

_URI = re.compile(
    r"""postgres(?:ql)?://
    (?:[^\s:@/?\#\[\]]* (?: :(?P<password>[^\s@/?\#\[\]]*) )? @)?
    (?P<hosts>[^\s@/?\#]*)
    (?:/[^\s@/?\#]*)?
    (?:\?(?P<query>[^\s@?\#]*))?""",
    re.VERBOSE,
)
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.%\w]*\]|[^:\[\]]*)(?::(?P<port>[0-9]*))?")
_FORM = "postgresql://user:password@host:port/database"
_NEXT = "correct it; in a password write @ as %40, / as %2F, ? %3F, # %23, [ %5B, ] %5D, % %25, a space %20"
_LARGEST_PORT = 65535
#: Parameters that libpq knows values of; asyncpg knows the same.
_VALUES = {
    "sslmode": ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"),
    "target_session_attrs": ("any", "read-write", "read-only", "primary", "standby", "prefer-standby"),
}
_FILES = ("sslrootcert", "sslcert", "sslkey")
#: What only libpq knows, and asyncpg would hand to the server as a setting.
_OF_LIBPQ = re.compile(r"connect_timeout|keepalives(_\w+)?|tcp_user_timeout|fallback_application_name")


def parameters(uri: str, name: str = "HEADGATE_DSN") -> dict[str, str]:
    """The parts of a PostgreSQL URI, by libpq's names.

    Args:
        uri: the URI.
        name: what it was given as, for errors.

    Raises:
        UsageError: it is none, or one that libpq and asyncpg may read differently; holds nothing of the URI.
    """
    # Imported where it is used: landing processes start often, and need asyncpg only.
    import psycopg2
    from psycopg2.extensions import parse_dsn

    _require_form(uri, name)
    try:
        parts = {key: str(value) for key, value in parse_dsn(uri).items()}
    except (psycopg2.Error, UnicodeError):
        raise _unfit(name, _FORM, "a URI that libpq cannot read", _NEXT) from None
    _require_values(parts, name)
    return parts


def shown(uri: str) -> str:
    """Where a URI leads, without its password."""
    parts = parameters(uri)
    return f"{parts.get('dbname', '')} at {parts.get('host', 'localhost')}:{parts.get('port', '5432')}"


def for_asyncpg(uri: str) -> str:
    """The URI without the parameters that only libpq knows."""
    start, mark, query = uri.partition("?")
    pairs = parse_qsl(query, keep_blank_values=True)
    kept = [pair for pair in pairs if not _OF_LIBPQ.fullmatch(pair[0])]
    return uri if len(kept) == len(pairs) else start + (mark + urlencode(kept, safe="/") if kept else "")


def without_password(uri: str, text: str) -> str:
    """A text, such as a driver's error, without the URI and its password, however they are written there."""
    found = _URI.fullmatch(uri)
    secrets = {uri, *(_passwords(found) if found else ())}
    for secret in sorted(secrets, key=len, reverse=True):
        text = text.replace(secret, "***")
    return text


def _passwords(found: re.Match[str]) -> Iterator[str]:
    query = dict(parse_qsl(found["query"] or ""))
    for secret in (found["password"], query.get("password"), query.get("sslpassword")):
        if secret:
            yield secret
            yield unquote(secret)


def _require_form(uri: str, name: str) -> None:
    if not uri.startswith(("postgresql://", "postgres://")):
        raise _unfit(name, _FORM, "another form", "correct it, or unset it to use the embedded server")
    found = _URI.fullmatch(uri)
    if found is None or not uri.isprintable():
        unescaped = (
            "an @, a /, or another character that has to be escaped, in a place where it means something else"
        )
        raise _unfit(name, _FORM, unescaped, _NEXT)
    for host in found["hosts"].split(","):
        read = _HOST.fullmatch(host)
        # What stands where a port belongs may be part of a password.
        if read is None or not _is_port(read["port"] or ""):
            raise _unfit(name, f"a port from 1 to {_LARGEST_PORT}", "something else behind the host", _NEXT)


def _require_values(parts: dict[str, str], name: str) -> None:
    for port in parts.get("port", "").split(","):
        if not _is_port(port):
            raise _unfit(name, f"a port from 1 to {_LARGEST_PORT}", "something else as `port`", "correct it")
    for key, known in _VALUES.items():
        if key in parts and parts[key] not in known:
            raise _unfit(name, f"{key} to be one of {', '.join(known)}", "another value", f"correct {key}")
    if not parts.get("connect_timeout", "0").strip().isdecimal():
        raise _unfit(name, "seconds as connect_timeout", "something else", "correct connect_timeout")
    for key in _FILES:
        path = parts.get(key)
        if path and path != "system" and not Path(path).is_file():
            raise _unfit(name, f"{key} to be a file", "no such file", f"correct {key}")


def _is_port(text: str) -> bool:
    return not text or (text.isdecimal() and text.isascii() and 1 <= int(text) <= _LARGEST_PORT)


def _unfit(name: str, expected: str, found: str, next_step: str) -> UsageError:
    return UsageError(name, expected=expected, found=found, next_step=next_step)
