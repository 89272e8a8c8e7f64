"""What a noted position means: the parts of the loader that it was read with, held against those of today.

A position of another table, cursor or URL would skip what lies before it, without a word. So a changed loader
is refused until somebody decides, or, where nothing lands twice by reading again, read from the beginning.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from headgate.errors import UsageError
from headgate.postgres.connection import Connection
from headgate.pulling.positions import put_aside, take_back_keys
from headgate.pulling.results import Say
from headgate.pulling.state import Place, position_of, read_stored, write_state
from headgate.sources.base import without_credentials
from headgate.sources.loaders import HttpJson

#: Parts without which a position cannot be read at all.
NEVER_KEPT = {"cursor kind", "key", "key types"}
#: Parts that say which rows there are: where they are the same, keys that were watched still are.
ROWS = ("server", "table", "key", "key types")
_DIGEST = "sha256:"


def of_endpoint(declared: HttpJson) -> dict[str, str]:
    """The parts of a REST loader that say which records a value of `incremental` divides."""
    query = urlsplit(declared.url).query
    parts = {
        "url": without_credentials(declared.url),
        "records": ".".join(str(step) for step in declared.records),
        # Only hashes of what might hold a secret.
        "params": _digest([query, *sorted(declared.params)]) if query or declared.params else "",
        "headers": _digest(sorted(declared.headers)) if declared.headers else "",
    }
    if declared.incremental is not None:
        parts |= {
            "incremental.param": declared.incremental.param,
            "incremental.from": ".".join(str(step) for step in declared.incremental.origin),
            "incremental.initial": declared.incremental.initial or "",
        }
    return parts


async def bound_state(
    connection: Connection, source: Place, parts: Mapping[str, str], say: Say, *, restart: bool
) -> dict[str, Any]:
    """The state to go on from; with `restart`, an empty one where the loader has changed.

    Raises:
        UsageError: the loader has changed, and what was read with the old one does not say how to go on.
    """
    stored = await read_stored(connection, source)
    if stored is None:
        await take_back_keys(connection, source, {name: parts.get(name) for name in ROWS})
        return {}
    changed = differences(stored.read_from, parts)
    state, placed = stored.state, position_of(stored.state) is not None
    if changed and placed and not (stored.rebind and NEVER_KEPT.isdisjoint(changed)):
        if not restart:
            raise _changed(source, changed)
        say(f"warning: the loader has changed ({_told(changed)}): it is read from the beginning again, and")
        say(f"what has landed is recognised; to go on instead: headgate state undo {source.name}, and keep")
        async with connection.transaction():
            await put_aside(connection, source, f"the loader changed: {_told(changed)}")
            await write_state(connection, source, {}, parts)
        return {}
    if stored.read_from is None and placed:
        say("the position was noted by an earlier version: it is taken to be of the loader as it is now")
    if stored.read_from != parts:
        # Without a position, nothing that was seen with another loader holds.
        state = {} if changed and not placed else state
        await write_state(connection, source, state, parts)
    return state


def differences(
    before: Mapping[str, str] | None, now: Mapping[str, str]
) -> dict[str, tuple[str | None, str | None]]:
    """The parts that differ: before, and now. None differ from what was not noted."""
    if before is None:
        return {}
    names = [*now, *(name for name in before if name not in now)]
    return {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}


def _told(changed: Mapping[str, tuple[str | None, str | None]]) -> str:
    return "; ".join(
        f"other {name}"
        if _DIGEST in f"{before}{now}"
        else f"{name} was {before or 'not set'}, is {now or 'not set'}"
        for name, (before, now) in changed.items()
    )


def _changed(source: Place, changed: Mapping[str, tuple[str | None, str | None]]) -> UsageError:
    reset = f"`headgate state reset {source.name}` to read from the beginning"
    keep = (
        f", or `headgate state keep {source.name}` if the noted position holds all the same, for instance "
        "because a table was only renamed"
    )
    return UsageError(
        f"source {source.name}",
        expected="the loader with which its position was noted: with another one, rows would be skipped",
        found=_told(changed),
        next_step=reset + (keep if NEVER_KEPT.isdisjoint(changed) else "") + "; or undo the change",
    )


def _digest(value: object) -> str:
    return _DIGEST + hashlib.sha256(json.dumps(value).encode()).hexdigest()[:16]
