"""Where a backfill is, in PostgreSQL: what lets a killed one go on, and keeps two from doing the same."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extensions import connection as Psycopg2Connection  # noqa: N812

from headgate.backfill.plan import Chunk, Options, Outcome, Range
from headgate.errors import HeadgateError
from headgate.pipelines.waiting import query
from headgate.postgres.locks import IS_HELD, held_psycopg2, hold_psycopg2, is_held, let_go

#: One decision at a time on what runs and what is resumed.
DECISION_LOCK = "the list of backfills"

UNFINISHED = """
    select backfill_id, pipeline, range_start, range_end, options, status, process, started_at
    from ops.backfills
    where
        pipeline = %s and status in ('running', 'failed')
        and range_start < %s and range_end > %s
    order by backfill_id
"""
CHUNKS = """
    select position, batch, step, chunk_start, chunk_end, status, attempts, result, error
    from ops.backfill_chunks where backfill_id = %s order by batch, position
"""
# A session holds the lock while its backfill works; the server lets go of it when the process is gone.
OVERVIEW = """
    select
        backfills.backfill_id, backfills.pipeline, backfills.range_start, backfills.range_end,
        case
            when backfills.status <> 'running' then backfills.status
            when ({}) then 'running'
            else 'interrupted'
        end,
        count(chunks.*), count(chunks.*) filter (where chunks.status = 'done'),
        count(chunks.*) filter (where chunks.status = 'failed'),
        backfills.process, backfills.started_at
    from ops.backfills as backfills
    left join ops.backfill_chunks as chunks using (backfill_id)
    where backfills.status in ('running', 'failed')
    group by backfills.backfill_id
    order by backfills.backfill_id
""".format(IS_HELD.format("'backfill ' || backfills.backfill_id"))


@dataclass(frozen=True, kw_only=True)
class Unfinished:
    """A backfill that is not done; `status` is running, interrupted or failed."""

    backfill_id: int
    pipeline: str
    range: Range
    status: str
    chunks: int
    chunks_done: int
    chunks_failed: int
    process: str
    started_at: datetime


@dataclass(frozen=True, kw_only=True)
class ChunkState:
    """A chunk and how far it is."""

    chunk: Chunk
    status: str
    attempts: int
    result: Outcome | None
    error: str | None


@dataclass(frozen=True, kw_only=True)
class Resumable:
    """A backfill of the same range that stopped before its end."""

    backfill_id: int
    options: Options
    started_at: datetime
    chunks: tuple[ChunkState, ...]

    @property
    def done(self) -> int:
        """How many chunks are done."""
        return sum(state.status == "done" for state in self.chunks)


def unfinished(connection: Psycopg2Connection) -> list[Unfinished]:
    """Every backfill that runs, was interrupted or failed; oldest first."""
    return [
        Unfinished(
            backfill_id=number,
            pipeline=pipeline,
            range=Range(start, end),
            status=status,
            chunks=chunks,
            chunks_done=done,
            chunks_failed=failed,
            process=process,
            started_at=started_at,
        )
        for number, pipeline, start, end, status, chunks, done, failed, process, started_at in query(
            connection, OVERVIEW
        )
    ]


def find_resumable(
    connection: Psycopg2Connection, pipeline: str, asked: Range, *, build: bool, again: bool
) -> Resumable | None:
    """The unfinished backfill of exactly this range that nobody works at, if there is one.

    Raises:
        HeadgateError: one that shares an hour with the range is running.
    """
    found = None
    for number, _, start, end, options, _, process, started_at in query(
        connection, UNFINISHED, (pipeline, asked.end, asked.start)
    ):
        if is_held(connection, _lock(number)):
            raise _is_running(connection, number, pipeline, Range(start, end), process)
        same = options["build"] == build and options["again"] == again
        if Range(start, end) == asked and same:
            found = Resumable(
                backfill_id=number,
                options=Options(**options),
                started_at=started_at,
                chunks=chunk_states(connection, number),
            )
    return found


def chunk_states(connection: Psycopg2Connection, backfill_id: int) -> tuple[ChunkState, ...]:
    """The chunks of a backfill, in order."""
    return tuple(
        ChunkState(
            chunk=Chunk(position=position, batch=batch, step=step, range=Range(start, end)),
            status=status,
            attempts=attempts,
            result=result,
            error=error,
        )
        for position, batch, step, start, end, status, attempts, result, error in query(
            connection, CHUNKS, (backfill_id,)
        )
    )


@dataclass(frozen=True)
class Claim:
    """A backfill that this process works at. The connection commits by itself."""

    connection: Psycopg2Connection
    backfill_id: int
    #: Holds the lock until it is closed, or the process is gone.
    session: Psycopg2Connection

    @classmethod
    def take(
        cls,
        connection: Psycopg2Connection,
        pipeline: str,
        asked: Range,
        options: Options,
        chunks: Sequence[Chunk],
        resumed: Resumable | None,
    ) -> Claim:
        """Takes a new backfill, or the one that is resumed.

        Raises:
            HeadgateError: another session took one of the same hours meanwhile.
        """
        with held_psycopg2(connection, DECISION_LOCK):
            now = find_resumable(connection, pipeline, asked, build=options.build, again=options.again)
            if (now and now.backfill_id) != (resumed and resumed.backfill_id):
                raise HeadgateError(
                    f"backfill of {pipeline}, {asked}",
                    expected="no backfill started or finished since the plan",
                    found="another one",
                    next_step="run the command again",
                )
            if resumed is None:
                number = _insert(connection, pipeline, asked, options, chunks)
            else:
                number = resumed.backfill_id
                _reopen(connection, number)
            return cls(connection, number, hold_psycopg2(connection, _lock(number)))

    def start(self, chunk: Chunk) -> None:
        """Notes that a chunk is worked at."""
        self._update(
            chunk,
            "status = 'running', attempts = attempts + 1, started_at = clock_timestamp(),"
            " finished_at = null, result = null, error = null",
        )

    def finish(self, chunk: Chunk, outcome: Outcome, error: str | None) -> None:
        """Notes what became of a chunk."""
        self._update(
            chunk,
            "status = %s, result = %s, error = %s, finished_at = clock_timestamp()",
            "failed" if error else "done",
            json.dumps(outcome),
            error,
        )

    def close(self, status: str) -> None:
        """Notes how the backfill ended."""
        query(
            self.connection,
            "update ops.backfills set status = %s, finished_at = clock_timestamp() where backfill_id = %s",
            (status, self.backfill_id),
        )
        let_go(self.session)

    def _update(self, chunk: Chunk, assignments: str, *arguments: Any) -> None:
        query(
            self.connection,
            f"update ops.backfill_chunks set {assignments} where backfill_id = %s and position = %s",  # noqa: S608
            (*arguments, self.backfill_id, chunk.position),
        )


def _insert(
    connection: Psycopg2Connection, pipeline: str, asked: Range, options: Options, chunks: Sequence[Chunk]
) -> int:
    """Writes a backfill and its chunks in one statement; it supersedes older ones of the same hours."""
    query(
        connection,
        "update ops.backfills set status = 'superseded', finished_at = clock_timestamp()"
        " where pipeline = %s and status in ('running', 'failed') and range_start = %s and range_end = %s",
        (pipeline, asked.start, asked.end),
    )
    described = [
        {
            "position": chunk.position,
            "batch": chunk.batch,
            "step": chunk.step,
            "chunk_start": chunk.range.start.isoformat(),
            "chunk_end": chunk.range.end.isoformat(),
        }
        for chunk in chunks
    ]
    [[number]] = query(
        connection,
        """
        with backfill as (
            insert into ops.backfills (pipeline, range_start, range_end, options, process)
            values (%s, %s, %s, %s, %s)
            returning backfill_id
        ),

        chunks as (
            insert into ops.backfill_chunks (backfill_id, position, batch, step, chunk_start, chunk_end)
            select backfill.backfill_id, described.*
            from backfill
            cross join jsonb_to_recordset(%s) as described (
                position integer, batch integer, step text, chunk_start timestamptz, chunk_end timestamptz
            )
        )

        select backfill_id from backfill
        """,
        (
            pipeline,
            asked.start,
            asked.end,
            json.dumps(options.as_dict()),
            _process(),
            json.dumps(described),
        ),
    )
    return int(number)


def _reopen(connection: Psycopg2Connection, backfill_id: int) -> None:
    query(
        connection,
        "update ops.backfills set status = 'running', process = %s, finished_at = null"
        " where backfill_id = %s",
        (_process(), backfill_id),
    )
    query(
        connection,
        "update ops.backfill_chunks set status = 'waiting'"
        " where backfill_id = %s and status in ('running', 'failed')",
        (backfill_id,),
    )


def _lock(backfill_id: int) -> str:
    return f"backfill {backfill_id}"


def _is_running(
    connection: Psycopg2Connection, backfill_id: int, pipeline: str, other: Range, process: str
) -> HeadgateError:
    states = chunk_states(connection, backfill_id)
    done = sum(state.status == "done" for state in states)
    return HeadgateError(
        f"backfill of {pipeline}",
        expected="no other backfill of it to work at one of these hours",
        found=f"backfill {backfill_id}, {other}, {done} of {len(states)} chunks done, process {process}",
        next_step="wait for it (`headgate status` shows it), or stop it with Ctrl-C and run this again",
    )


def _process() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
