"""API keys: who may ask for what. Only their hashes are kept."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import asyncpg

from headgate.errors import UsageError
from headgate.postgres.actor import actor
from headgate.postgres.connection import Connection

SCOPES = ("predict", "explain", "read", "metrics")
PREFIX = "hg_"
_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,62}")


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """A key that may be used, by its name."""

    name: str
    scopes: frozenset[str]
    created_at: datetime | None = None
    revoked_at: datetime | None = None

    def as_dict(self) -> dict[str, Any]:
        """The key for programs (`--json`)."""
        instants = {name: value and value.isoformat() for name, value in self._instants().items()}
        return {"name": self.name, "scopes": sorted(self.scopes), **instants}

    def _instants(self) -> dict[str, datetime | None]:
        return {"created_at": self.created_at, "revoked_at": self.revoked_at}


def digest(key: str) -> str:
    """What is kept of a key. Keys are 256 random bits, so that a plain hash cannot be undone."""
    return hashlib.sha256(key.encode()).hexdigest()


async def add(connection: Connection, name: str, scopes: Sequence[str]) -> str:
    """Makes a key; what is returned is shown once and kept nowhere.

    Raises:
        UsageError: the name cannot be used or is taken, or a scope is unknown.
    """
    if not _NAME.fullmatch(name):
        raise _unusable(name, "lower case letters, digits, dots, dashes and underscores", repr(name))
    if unknown := set(scopes) - set(SCOPES):
        raise _unusable(name, f"scopes of {', '.join(SCOPES)}", ", ".join(sorted(unknown)))
    key = PREFIX + secrets.token_urlsafe(32)
    try:
        await connection.execute(
            "insert into ops.api_keys (name, sha256, scopes, created_by) values ($1, $2, $3, $4)",
            name,
            digest(key),
            sorted(set(scopes)),
            await actor(connection),
        )
    except asyncpg.UniqueViolationError:
        raise _unusable(name, "a name that no key had before", "a key of that name") from None
    return key


async def revoke(connection: Connection, name: str) -> None:
    """Ends a key; servers follow within seconds.

    Raises:
        UsageError: there is no such key, or it was revoked before.
    """
    done = await connection.execute(
        "update ops.api_keys set revoked_at = clock_timestamp() where name = $1 and revoked_at is null", name
    )
    if done == "UPDATE 0":
        raise _unusable(name, "a key that is in use", "none of that name")


async def all_keys(connection: Connection) -> list[ApiKey]:
    """The keys by name, revoked ones too."""
    rows = await connection.fetch(
        "select name, scopes, created_at, revoked_at from ops.api_keys order by name"
    )
    return [ApiKey(**{**dict(row), "scopes": frozenset(row["scopes"])}) for row in rows]


async def usable(connection: Connection) -> dict[str, ApiKey]:
    """The keys that are not revoked, by hash."""
    rows = await connection.fetch("select sha256, name, scopes from ops.api_keys where revoked_at is null")
    return {row["sha256"]: ApiKey(name=row["name"], scopes=frozenset(row["scopes"])) for row in rows}


def from_file(path: Path) -> Mapping[str, ApiKey]:
    """Keys of a file: a line each, `NAME SCOPE,SCOPE SHA-256`; `#` begins a remark.

    Raises:
        UsageError: the file cannot be read, or a line is not like that.
    """
    found = {}
    try:
        lines = path.read_text().splitlines()
    except OSError as error:
        raise _unusable(str(path), "a file with keys", error.strerror or "unreadable") from None
    for number, line in enumerate(lines, 1):
        parts = line.partition("#")[0].split()
        if not parts:
            continue
        if (
            len(parts) != 3
            or not re.fullmatch("[0-9a-f]{64}", parts[2])
            or set(parts[1].split(",")) - set(SCOPES)
        ):
            raise _unusable(f"{path}:{number}", "NAME SCOPE,SCOPE SHA-256", "something else")
        found[parts[2]] = ApiKey(name=parts[0], scopes=frozenset(parts[1].split(",")))
    return found


def _unusable(name: str, expected: str, found: str) -> UsageError:
    return UsageError(f"API key {name}", expected=expected, found=found, next_step="see `headgate keys list`")
