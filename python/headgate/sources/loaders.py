"""Where the records of a declared source come from: `config.meta.loader` beside its contract, checked.

docs/sources.md describes every key.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from headgate.sources.declared import DeclaredSource
from headgate.sources.keys import Keys, Path_, as_text, is_plain, loader_error

FORMATS = ("csv", "jsonl", "json", "parquet")
PAGINATION = ("page", "offset", "cursor", "link", "next_url")
AUTH = ("bearer", "header", "basic", "query")

#: Names are quoted wherever they are sent: PostgreSQL takes anything but NUL, and cuts what is longer.
_COLUMN = r"[^\x00]{1,63}"
_TABLE_PART = r"""("(?:[^"\x00]|"")+"|[^."\x00]+)"""
_TABLE = re.compile(rf"{_TABLE_PART}\.{_TABLE_PART}")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(second|minute|hour|day)s?")


@dataclass(frozen=True)
class Files:
    """Files; without a location they are named on the command line."""

    format: str | None = None
    location: tuple[str, ...] = ()
    #: Of CSV; None: as the file shows it.
    delimiter: str | None = None
    encoding: str = "utf-8"
    #: Of JSON: the keys that lead to the array of records.
    records: tuple[str, ...] = ()
    #: Other hosts that redirects may lead to.
    redirects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pagination:
    """How the next page is asked for."""

    style: Literal["page", "offset", "cursor", "link", "next_url"]
    param: str = ""
    start: int = 1
    size_param: str | None = None
    size: int | None = None
    next: Path_ = ()
    #: Where an answer says how many records or pages there are, and whether there is one more page.
    total: Path_ = ()
    total_pages: Path_ = ()
    has_more: Path_ = ()


@dataclass(frozen=True)
class Auth:
    """How requests say who asks; the secret is in the environment."""

    style: Literal["bearer", "header", "basic", "query"]
    env: str
    name: str = ""


@dataclass(frozen=True)
class Incremental:
    """How requests ask for what is new."""

    param: str
    origin: Path_
    initial: str | None


@dataclass(frozen=True)
class HttpJson:
    """A REST endpoint."""

    url: str
    records: Path_ = ()
    params: tuple[tuple[str, str], ...] = ()
    headers: tuple[tuple[str, str], ...] = ()
    pagination: Pagination | None = None
    auth: Auth | None = None
    incremental: Incremental | None = None
    #: Requests a second; None: no limit.
    rate_limit: float | None = None
    max_pages: int = 10_000
    #: Other hosts that redirects and links may lead to; credentials go to the URL's host only.
    redirects: tuple[str, ...] = ()


@dataclass(frozen=True)
class PostgresJsonb:
    """A table of another PostgreSQL."""

    dsn_env: str
    schema: str
    table: str
    record: str
    key: tuple[str, ...]
    cursor: str
    #: A time, or for a cursor that is a number how far behind the highest; None: the default of its kind.
    lag: timedelta | int | None = None
    include: tuple[str, ...] = ()
    #: How often all keys are compared; None: never.
    deletes: timedelta | None = None


Declaration = Files | HttpJson | PostgresJsonb


def loader_of(source: DeclaredSource, project_dir: Path) -> Declaration:
    """What a source's `loader` says.

    Raises:
        UsageError: a key is unknown, missing or does not fit; the message names the file and the key.
    """
    file = project_dir / "models" / "staging" / source.name / f"_{source.name}__sources.yml"
    place = f"sources.{source.name}.tables.{source.entity}.config.meta.loader"
    return parse_loader(source.loader, f"{file}, {place}")


def parse_loader(loader: Mapping[str, Any], place: str) -> Declaration:
    """A loader as it stands in YAML; errors name `place` and the key in it.

    Raises:
        UsageError: a key is unknown, missing or does not fit.
    """
    keys = Keys(loader, place)
    if not loader:
        return Files()
    kind = keys.choice("type", tuple(_READERS))
    found = _READERS[kind](keys)
    keys.finish()
    return found


def _files(keys: Keys) -> Files:
    given = keys.get("format")
    encoding = keys.text("encoding", "utf-8")
    try:
        codecs.lookup(encoding)
    except LookupError:
        raise keys.error("encoding", "an encoding that Python knows, such as latin-1", encoding) from None
    return Files(
        None if given is None else keys.choice("format", FORMATS),
        keys.names("location", r"(?s).+", "a path, a URL, or a list of these"),
        _delimiter(keys),
        encoding,
        _records(keys),
        _redirects(keys),
    )


def _delimiter(keys: Keys) -> str | None:
    if keys.get("delimiter") is None:
        return None
    return keys.match("delimiter", re.compile(r'[^\r\n"]'), "one character")


def _redirects(keys: Keys) -> tuple[str, ...]:
    return keys.names(
        "redirects", r"[^\s/@?#]+", "a host, host:port, or a list of these, such as files.example.com"
    )


def _records(keys: Keys) -> tuple[str, ...]:
    """Keys, from the outermost on: positions in arrays lead to no array of records."""
    steps = keys.path("records")
    if not all(isinstance(step, str) for step in steps):
        raise keys.error("records", "keys that lead to an array, such as data.items", keys.get("records"))
    return cast("tuple[str, ...]", steps)


def _http_json(keys: Keys) -> HttpJson:
    url = keys.text("url")
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise keys.error("url", "a URL that starts with http:// or https://", "another form")
    if parts.username or parts.password:
        raise keys.error("url", "a URL without a password; see auth", "one with a password")
    rate = keys.get("rate_limit")
    if rate is not None and (type(rate) not in (int, float) or rate <= 0):
        raise keys.error("rate_limit", "requests a second, a number above 0", rate)
    return HttpJson(
        url,
        keys.path("records"),
        keys.texts("params"),
        keys.texts("headers"),
        _pagination(keys.inner("pagination")),
        _auth(keys.inner("auth")),
        _incremental(keys.inner("incremental")),
        None if rate is None else float(rate),
        keys.integer("max_pages", 10_000, 1),
        _redirects(keys),
    )


def _pagination(keys: Keys | None) -> Pagination | None:
    if keys is None:
        return None
    style = cast("Any", keys.choice("style", PAGINATION))
    if style == "page":
        size = keys.get("size")
        found = Pagination(
            style,
            keys.text("param", "page"),
            keys.integer("start", 1),
            None if keys.get("size_param") is None else keys.text("size_param"),
            None if size is None else keys.integer("size", None, 1),
            total=keys.path("total"),
            total_pages=keys.path("total_pages"),
            has_more=keys.path("has_more"),
        )
    elif style == "offset":
        found = Pagination(
            style,
            keys.text("param", "offset"),
            0,
            keys.text("limit_param", "limit"),
            keys.integer("limit", 100, 1),
            total=keys.path("total"),
            has_more=keys.path("has_more"),
        )
    elif style == "cursor":
        found = Pagination(
            style,
            keys.text("param", "cursor"),
            next=keys.path("next", required=True),
            has_more=keys.path("has_more"),
        )
    elif style == "next_url":
        found = Pagination(style, next=keys.path("next", required=True), has_more=keys.path("has_more"))
    else:
        found = Pagination(style)
    keys.finish()
    return found


def _auth(keys: Keys | None) -> Auth | None:
    if keys is None:
        return None
    style = cast("Any", keys.choice("style", AUTH))
    named = style in ("header", "query")
    found = Auth(style, _variable(keys, "env"), keys.text("name") if named else "")
    keys.finish()
    return found


def _incremental(keys: Keys | None) -> Incremental | None:
    if keys is None:
        return None
    initial = keys.get("initial")
    if initial is not None and not is_plain(initial):
        raise keys.error("initial", "text or a number; put a time in quotes", initial)
    found = Incremental(
        keys.text("param"),
        keys.path("from", required=True),
        None if initial is None else as_text(initial),
    )
    keys.finish()
    return found


def _postgres_jsonb(keys: Keys) -> PostgresJsonb:
    expected = 'schema.table; a name that holds a dot or a quote stands in double quotes (sales."a.b")'
    table = keys.match("table", _TABLE, expected)
    key = keys.names("key", _COLUMN, "a column, or a list of columns")
    if not key:
        raise keys.error("key", "a column, or a list of columns", None)
    schema, name = (_unquoted(part) for part in _TABLE.fullmatch(table).groups())  # type: ignore[union-attr]
    deletes = keys.inner("deletes")
    every = None
    if deletes is not None:
        every = _duration(deletes, "every", "0 seconds")
        deletes.finish()
    column = re.compile(_COLUMN)
    lag = keys.get("lag")
    if lag is not None:
        lag = keys.integer("lag", None) if isinstance(lag, int) else _duration(keys, "lag", None)
    return PostgresJsonb(
        _variable(keys, "dsn_env"),
        schema,
        name,
        keys.match("record", column, "a column"),
        key,
        keys.match("cursor", column, "a column"),
        lag,
        keys.names("include", _COLUMN, "a list of columns"),
        every,
    )


def _unquoted(part: str) -> str:
    return part[1:-1].replace('""', '"') if part.startswith('"') else part


def _duration(keys: Keys, name: str, default: str | None) -> timedelta:
    found = keys.text(name, default)
    parts = _DURATION.fullmatch(found.strip())
    if parts is None:
        raise keys.error(name, "a time such as 5 minutes, 2 hours or 1 day", found)
    return timedelta(**{f"{parts[2]}s": float(parts[1])})


def _variable(keys: Keys, name: str) -> str:
    """The name of an environment variable. A value that is none may be the secret itself: it is not shown."""
    found = keys.get(name)
    if isinstance(found, str) and _VARIABLE.fullmatch(found):
        return found
    raise loader_error(
        f"{keys.place}.{name}",
        "the name of an environment variable",
        "nothing" if found is None else "something else",
    )


_READERS: dict[str, Callable[[Keys], Declaration]] = {
    "files": _files,
    "http_json": _http_json,
    "postgres_jsonb": _postgres_jsonb,
}
