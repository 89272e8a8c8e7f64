"""The leakage gate: no feature may know anything of its label's instant or later.

Two proofs. Over all rows: no feature's as_of lies after the instant. On a sample: what was joined is what a
brute-force count over the events before the instant gives, and what a plain search of the history finds.

The count takes the events that the release was made of, as typed now. Where they have changed since, the
events as they were are gone: the search of the history has to do, and the result says so.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from headgate.dataset.declared import DeclaredRecount, declared_recount
from headgate.errors import GateFailed
from headgate.postgres.connection import Connection
from headgate.store import ledger
from headgate.store.reading.catalog import PublishedRelease, PublishedView
from headgate.store.reading.training import NO_LAG
from headgate.store.views import AS_OF, history, quoted

SAMPLED = 50
#: How many columns a message names.
NAMED = 5
#: The partitions of the loads that a release was made of, and whether they are landed as they were.
PARTITIONS = f"""
    with {ledger.HELD}

    select
        loads.load_id,
        loads.contract_source,
        loads.partition_start,
        loads.status = 'landed' and loads.expired_at is null as is_intact
    from held
    inner join ops.loads as loads using (load_id)
    where held.since <= $1 and (held.until is null or held.until > $1)
    order by loads.partition_start
"""


@dataclass
class Leakage:
    """What the gate looked at."""

    rows: int = 0
    sampled: int = 0
    #: Sampled rows that were recomputed from events, by view.
    from_events: dict[str, int] = field(default_factory=dict)
    #: Sampled rows that were only searched in the history, by view.
    from_history: dict[str, int] = field(default_factory=dict)
    #: Rows whose instant lies after what a view is processed to, by view: they have its values at that time.
    after_processed_to: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """For the register."""
        return asdict(self)


class LeakageGate:
    """Looks at every row group while it is written, and at a sample when all are."""

    def __init__(
        self,
        views: tuple[PublishedView, ...],
        instant: str,
        places: Iterable[int],
        lag: timedelta = NO_LAG,
    ) -> None:
        self._views = views
        self._instant = instant
        self._lag = lag
        #: Places of the sampled rows, from 1.
        self._places = sorted(places)
        self._rows = 0
        self._late: Counter[str] = Counter()
        self._after: Counter[str] = Counter()
        self._sample: list[dict[str, Any]] = []

    def look(self, group: pa.Table) -> None:
        """Looks at the next rows."""
        known = pc.subtract(group[self._instant], pa.scalar(self._lag)) if self._lag else group[self._instant]
        for view in self._views:
            as_of = group[f"{view.name}__{AS_OF}"]
            late = pc.sum(pc.greater(as_of, known)).as_py() or 0
            if late:
                self._late[view.name] += late
            if view.processed_to:
                after = pc.greater(known, pa.scalar(view.processed_to))
                self._after[view.name] += pc.sum(after).as_py() or 0
        inside = [place - 1 - self._rows for place in self._places]
        chosen = [place for place in inside if 0 <= place < group.num_rows]
        sample = group.take(chosen).to_pylist() if chosen else []
        self._sample += [{**row, self._instant: row[self._instant] - self._lag} for row in sample]
        self._rows += group.num_rows

    async def require_none(self, connection: Connection, release: PublishedRelease) -> Leakage:
        """Closes the gate, or says what it saw.

        Raises:
            GateFailed: a feature is later than its label, or other than its recomputation.
        """
        if self._late:
            raise _failed(
                "no feature from after its label's instant, less the lag",
                "; ".join(f"{count} of {view}" for view, count in sorted(self._late.items())),
            )
        result = Leakage(self._rows, len(self._sample), after_processed_to=dict(+self._after))
        partitions = await connection.fetch(PARTITIONS, release.release_id)
        wrong: Counter[str] = Counter()
        for view in self._views:
            wrong += await self._search(connection, view, release.release_id)
            declared = await declared_recount(connection, release.release_id, view.name, partitions)
            wrong += await self._recount(connection, declared, view, release.release_id, partitions, result)
        if wrong:
            named = [f"{column} in {count}" for column, count in wrong.most_common(NAMED)]
            more = [f"and {len(wrong) - NAMED} columns more"] if len(wrong) > NAMED else []
            raise _failed(
                f"{len(self._sample)} sampled rows to be what brute force gives", "; ".join([*named, *more])
            )
        return result

    async def _search(self, connection: Connection, view: PublishedView, release_id: int) -> Counter[str]:
        """Differences to the newest row at or before each instant, found by looking at all of the key."""
        wrong: Counter[str] = Counter()
        matches = " and ".join(f"{quoted(name)} = ${place}" for place, name in enumerate(view.key_names, 1))
        statement = f"select * from {history(view.name)} where {matches}"
        for row in self._sample:
            known = [
                found
                for found in await connection.fetch(statement, *(row[name] for name in view.key_names))
                if found["valid_from_release"] <= release_id
                and (found["valid_to_release"] is None or found["valid_to_release"] > release_id)
                and found[AS_OF] <= row[self._instant]
            ]
            newest = max(known, key=lambda found: found[AS_OF], default=None)
            expected = {column.name: newest and newest[column.stored_as] for column in view.columns}
            wrong.update(_differences(view, row, {AS_OF: newest and newest[AS_OF], **expected}))
        return wrong

    async def _recount(
        self,
        connection: Connection,
        recount: DeclaredRecount | None,
        view: PublishedView,
        release_id: int,
        loads: Sequence[Any],
        result: Leakage,
    ) -> Counter[str]:
        """Differences to a count that follows from the declaration, where the events are still there."""
        sample = self._sample if recount is not None and recount.is_intact else []
        result.from_events[view.name] = len(sample)
        result.from_history[view.name] = len(self._sample) - len(sample)
        wrong: Counter[str] = Counter()
        if recount is not None and sample:
            for row, expected in await recount.counted(
                connection, release_id, view, sample, self._instant, loads
            ):
                wrong.update(_differences(view, row, expected))
        return wrong


def _differences(view: PublishedView, row: Mapping[str, Any], expected: Mapping[str, Any]) -> list[str]:
    columns = {column: f"{view.name}__{column}" for column in expected}
    return [name for column, name in columns.items() if not _same(row[name], expected[column])]


def _same(found: Any, expected: Any) -> bool:
    if isinstance(found, float) and isinstance(expected, float):
        return math.isclose(found, expected, rel_tol=1e-9) or (math.isnan(found) and math.isnan(expected))
    if isinstance(found, Decimal) and isinstance(expected, Decimal):
        return _same_decimals(found, expected)
    return bool(found == expected)


def _same_decimals(found: Decimal, expected: Decimal) -> bool:
    """Exactly, but for the last of the sixteen digits that PostgreSQL gives a quotient at least."""
    if not (found.is_finite() and expected.is_finite()):
        return found.compare_total(expected) == 0
    return abs(found - expected) <= max(abs(found), abs(expected)) * Decimal("1e-15")


def _failed(expected: str, found: str) -> GateFailed:
    return GateFailed(
        "leakage gate",
        expected=expected,
        found=f"{found}; no dataset was made",
        next_step="run `dbt test`, correct the feature views, publish, make the dataset from that release",
    )
