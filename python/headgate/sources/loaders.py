"""Where the records of a declared source come from: `config.meta.loader` beside its contract, checked.

docs/sources.md describes every key.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from headgate.contract.paths import Step, parse_path
from headgate.errors import UsageError
from headgate.sources.declared import DeclaredSource

FORMATS = ("csv", "jsonl", "json", "parquet")
PAGINATION = ("page", "offset", "cursor", "link", "next_url")
AUTH = ("bearer", "header", "basic", "query")

_COLUMN = r"[A-Za-z_][A-Za-z0-9_$]*"
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(second|minute|hour|day)s?")
Path_ = tuple[Step, ...]


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
    keys = _Keys(loader, place)
    if not loader:
        return Files()
    kind = keys.choice("type", tuple(_READERS))
    found = _READERS[kind](keys)
    keys.finish()
    return found


class _Keys:
    """The keys of one mapping, taken one by one; what is left over at the end is unknown."""

    def __init__(self, values: object, place: str) -> None:
        if not isinstance(values, Mapping):
            raise _error(place, "a mapping", _kind(values))
        self.place = place
        self._values = values
        self._known: list[str] = []

    def get(self, name: str) -> Any:
        """The value as it stands, None when it is not there."""
        self._known.append(name)
        return self._values.get(name)

    def text(self, name: str, default: str | None = None) -> str:
        """Text that is not empty."""
        found = self.get(name)
        found = default if found is None else found
        if not isinstance(found, str) or not found:
            raise self.error(name, "text", found)
        return found

    def match(self, name: str, pattern: re.Pattern[str], expected: str, default: str | None = None) -> str:
        """Text of a form."""
        found = self.text(name, default)
        if not pattern.fullmatch(found):
            raise self.error(name, expected, found)
        return found

    def choice(self, name: str, among: tuple[str, ...]) -> str:
        """One of some words."""
        found = self.get(name)
        if found not in among:
            near = get_close_matches(str(found), among, 1)
            hint = f" (did you mean {near[0]}?)" if near else ""
            raise self.error(name, f"one of {', '.join(among)}{hint}", found)
        return cast("str", found)

    def integer(self, name: str, default: int | None, least: int = 0) -> int:
        """A whole number."""
        found = self.get(name)
        found = default if found is None else found
        if type(found) is not int or found < least:
            raise self.error(name, f"a whole number, {least} or more", found)
        return found

    def path(self, name: str, *, required: bool = False) -> Path_:
        """A path into JSON that leads to one place."""
        found = self.get(name)
        if found is None and not required:
            return ()
        try:
            steps = parse_path(found) if isinstance(found, str) else None
        except ValueError:
            steps = None
        if not steps or None in steps:
            raise self.error(name, "a path to one place, such as data.items", found)
        return steps

    def texts(self, name: str) -> tuple[tuple[str, str], ...]:
        """A mapping of names to texts or numbers."""
        found = self.get(name)
        if found is None:
            return ()
        if not isinstance(found, Mapping) or not all(_is_plain(value) for value in found.values()):
            raise self.error(name, "a mapping of names to texts", found)
        return tuple((str(key), _as_text(value)) for key, value in found.items())

    def names(self, name: str, pattern: str, expected: str) -> tuple[str, ...]:
        """One name, or a list of names."""
        found = self.get(name)
        listed = [found] if isinstance(found, str) else found
        if listed is None:
            return ()
        fits = isinstance(listed, list) and listed and all(isinstance(item, str) for item in listed)
        if not fits or not all(re.fullmatch(pattern, item) for item in listed):
            raise self.error(name, expected, found)
        return tuple(listed)

    def inner(self, name: str) -> _Keys | None:
        """The mapping under a key."""
        found = self.get(name)
        return None if found is None else _Keys(found, f"{self.place}.{name}")

    def finish(self) -> None:
        """Refuses keys that nobody asked for."""
        for key in self._values:
            if key not in self._known:
                near = get_close_matches(str(key), self._known, 1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise _error(
                    f"{self.place}.{key}", f"keys among {', '.join(sorted(self._known))}", f"this key{hint}"
                )

    def error(self, name: str, expected: str, found: object) -> UsageError:
        """A value that does not fit."""
        said = "nothing" if found is None else repr(found) if _is_plain(found) else _kind(found)
        return _error(f"{self.place}.{name}", expected, said)


def _files(keys: _Keys) -> Files:
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


def _delimiter(keys: _Keys) -> str | None:
    if keys.get("delimiter") is None:
        return None
    return keys.match("delimiter", re.compile(r'[^\r\n"]'), "one character")


def _redirects(keys: _Keys) -> tuple[str, ...]:
    return keys.names(
        "redirects", r"[^\s/@?#]+", "a host, host:port, or a list of these, such as files.example.com"
    )


def _records(keys: _Keys) -> tuple[str, ...]:
    """Keys, from the outermost on: positions in arrays lead to no array of records."""
    steps = keys.path("records")
    if not all(isinstance(step, str) for step in steps):
        raise keys.error("records", "keys that lead to an array, such as data.items", keys.get("records"))
    return cast("tuple[str, ...]", steps)


def _http_json(keys: _Keys) -> HttpJson:
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


def _pagination(keys: _Keys | None) -> Pagination | None:
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


def _auth(keys: _Keys | None) -> Auth | None:
    if keys is None:
        return None
    style = cast("Any", keys.choice("style", AUTH))
    named = style in ("header", "query")
    found = Auth(style, _variable(keys, "env"), keys.text("name") if named else "")
    keys.finish()
    return found


def _incremental(keys: _Keys | None) -> Incremental | None:
    if keys is None:
        return None
    initial = keys.get("initial")
    if initial is not None and not _is_plain(initial):
        raise keys.error("initial", "text or a number; put a time in quotes", initial)
    found = Incremental(
        keys.text("param"),
        keys.path("from", required=True),
        None if initial is None else _as_text(initial),
    )
    keys.finish()
    return found


def _postgres_jsonb(keys: _Keys) -> PostgresJsonb:
    table = keys.match("table", re.compile(rf"{_COLUMN}\.{_COLUMN}"), "schema.table")
    key = keys.names("key", _COLUMN, "a column, or a list of columns")
    if not key:
        raise keys.error("key", "a column, or a list of columns", None)
    schema, name = table.split(".")
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


def _duration(keys: _Keys, name: str, default: str | None) -> timedelta:
    found = keys.text(name, default)
    parts = _DURATION.fullmatch(found.strip())
    if parts is None:
        raise keys.error(name, "a time such as 5 minutes, 2 hours or 1 day", found)
    return timedelta(**{f"{parts[2]}s": float(parts[1])})


def _variable(keys: _Keys, name: str) -> str:
    """The name of an environment variable. A value that is none may be the secret itself: it is not shown."""
    found = keys.get(name)
    if isinstance(found, str) and _VARIABLE.fullmatch(found):
        return found
    raise _error(
        f"{keys.place}.{name}",
        "the name of an environment variable",
        "nothing" if found is None else "something else",
    )


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _kind(value: object) -> str:
    return "nothing" if value is None else f"a {type(value).__name__}"


def _error(place: str, expected: str, found: str) -> UsageError:
    return UsageError(place, expected=expected, found=found, next_step="correct it; see docs/sources.md")


_READERS: dict[str, Callable[[_Keys], Declaration]] = {
    "files": _files,
    "http_json": _http_json,
    "postgres_jsonb": _postgres_jsonb,
}
