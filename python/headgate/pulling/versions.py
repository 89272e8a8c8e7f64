"""Which contents the records of an endpoint had when they were last seen: what comes back is a change again.

A record that goes from A to B and back to A has three states. The content alone tells two of them; so for
each identity the contents of the pull that saw it last are kept. Several at once are no change of each other.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from headgate.contract import parse_path
from headgate.landing import Appender
from headgate.landing.tables import landing_table
from headgate.postgres.connection import Connection
from headgate.pulling.json_records import as_text, value_at

Key = tuple[uuid.UUID, uuid.UUID]


@dataclass
class Versions:
    """The contents of one source's records, as one pull looks at them."""

    connection: Connection
    table: str
    #: The path to a record's identity.
    identity: Sequence[Any]
    #: The number of this pull: the same again until one has come to its end.
    pull: int
    _seen: dict[Key, None] = field(default_factory=dict, init=False)

    @classmethod
    async def opened(cls, appender: Appender, completed: int | None) -> Versions:
        """Those of an appender's source; `completed`: the number of the last pull that came to its end."""
        connection = appender.connection
        table = f"{landing_table(appender.source.name, appender.source.entity)}_versions"
        await connection.execute(
            f"create table if not exists {table} (identity uuid, version uuid, pull bigint not null,"
            " primary key (identity, version))"
        )
        if completed is None:
            completed = await connection.fetchval(f"select coalesce(max(pull), 0) from {table}")  # noqa: S608
        path = appender.contract.envelope.identity
        return cls(connection, table, parse_path(path) if path else (), completed + 1)

    async def delivery_ids(self, records: Sequence[tuple[bytes, Any]]) -> list[str | None]:
        """What tells each record, in its present state, from all that was delivered; None: it has landed."""
        keys = [self._key(text, record) for text, record in records]
        known = await self._known([key[0] for key in keys if key])
        self._seen = dict.fromkeys(key for key in keys if key)
        return [
            self._delivery(text, key, known.get(key[0]) if key else None)
            for (text, _), key in zip(records, keys, strict=True)
        ]

    async def note(self) -> None:
        """Keeps what the last call was given, which has landed."""
        await self.connection.executemany(
            f"insert into {self.table} values ($1, $2, $3)"  # noqa: S608
            " on conflict (identity, version) do update set pull = excluded.pull",
            [(*key, self.pull) for key in self._seen],
        )

    async def finish(self) -> None:
        """Forgets what the records that this pull saw held before."""
        await self.connection.execute(
            f"delete from {self.table} as old where pull < $1 and exists"  # noqa: S608
            f" (select from {self.table} as new where new.identity = old.identity and new.pull = $1)",
            self.pull,
        )

    async def _known(self, identities: list[uuid.UUID]) -> dict[uuid.UUID, set[uuid.UUID]]:
        """For each identity that was seen before, its contents in this pull and in the last one before it."""
        rows = await self.connection.fetch(
            "select identity, version from ("  # noqa: S608
            "    select identity, version, pull, max(pull) filter (where pull < $2) over each as before"
            f"   from {self.table} where identity = any($1) window each as (partition by identity)"
            ") as found where pull = $2 or pull = before",
            identities,
            self.pull,
        )
        known: dict[uuid.UUID, set[uuid.UUID]] = {}
        for row in rows:
            known.setdefault(row["identity"], set()).add(row["version"])
        return known

    def _key(self, text: bytes, record: Any) -> Key | None:
        identity = as_text(value_at(record, self.identity)) if self.identity else None
        return None if identity is None else (_uuid(identity.encode()), _uuid(text))

    def _delivery(self, text: bytes, key: Key | None, known: set[uuid.UUID] | None) -> str | None:
        content = hashlib.sha256(text).hexdigest()
        # Of an identity that was never seen here, earlier versions of Headgate may have landed the content.
        if key is None or known is None:
            return content
        return None if key[1] in known else f"{content}:{self.pull}"


def _uuid(text: bytes) -> uuid.UUID:
    return uuid.UUID(bytes=hashlib.md5(text, usedforsecurity=False).digest())
