"""Canaries that end: worse, as good, too slow, with too little traffic."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headgate.model.deployment import canary
from headgate.model.deployment.evidence import NOT_COMPARED
from headgate.model.evaluation.policy import NO_APPROVAL
from headgate.postgres.connection import Connection
from tests.deployments import NAME, free, run, served
from tests.support import Database

LOG = """
    create table staging_predictions.answers_here partition of staging_predictions.answers default;
    insert into ops.loads (
        source, entity, partition_start, partition_end, uri, status, lines_read, rows_landed, rows_rejected
    )
    values ('predictions', 'answers', now() - interval '9 days', now(), 'test', 'open', 0, 0, 0);
    create schema training
"""
SPINE = {
    "spine": "training.returns",
    "spine_keys": ["order_id"],
    "instant": "ordered_at",
    "label": "is_returned",
}


async def log(connection: Connection, answers: Sequence[dict[str, Any]], kind: str = "boolean") -> None:
    """Lands answers of a canary of version 2 beside champion 1, at a share of 20 %; labels are of a type."""
    await connection.execute(LOG)
    await connection.execute(
        f"create table training.returns (order_id bigint, ordered_at timestamptz, is_returned {kind})"
    )
    now = datetime.now(UTC)
    rows = [
        {
            "prediction_id": str(place),
            "model": NAME,
            "at": (now + timedelta(seconds=place)).isoformat(),
            "champion_version": 1,
            "challenger_version": 2,
            "canary_share": 0.2,
            "key": str(place),
            "role": "champion",
            "version": 1,
            "status": "answered",
            "seconds": 0.01,
            "score": 0.5,
            "shadow": {"version": 2, "score": 0.5, "error": None},
            **answer,
        }
        for place, answer in enumerate(answers)
    ]
    load = await connection.fetchval("select max(load_id) from ops.loads")
    await connection.executemany(
        "insert into staging_predictions.answers (load_id, line_number, record) values ($1, $2, $3)",
        [(load, place, json.dumps(row)) for place, row in enumerate(rows)],
    )
    await connection.execute(
        "insert into training.returns"
        f" select n, now() - interval '1 minute', (n % 2 = 0)::integer::{kind}"
        " from generate_series(0, 9999) as n"
    )


def alternating(count: int, challenger: dict[str, Any], champion: dict[str, Any]) -> list[dict[str, Any]]:
    """Answers of which each fifth is the challenger's."""
    role = {"role": "challenger", "version": 2}
    return [{**role, **challenger} if place % 5 == 0 else dict(champion) for place in range(count)]


def looked(
    database: Database,
    answers: Sequence[dict[str, Any]],
    after: timedelta = timedelta(),
    task: str = "binary",
    kind: str = "boolean",
    **policy: Any,
) -> tuple[canary.Outcome, list[str], tuple[int | None, int | None, float]]:
    """What a look at a canary of these answers found, what it told, and what is deployed then."""
    heard: list[str] = []

    async def work(connection: Connection) -> Any:
        await canary.deploy(connection, NAME, 1, None, "first", asked=NO_APPROVAL)
        await canary.deploy(connection, NAME, 2, 0.2, "canary", asked=NO_APPROVAL)
        await log(connection, answers, kind)
        found = await canary.look(
            connection,
            NAME,
            lambda name, **parts: heard.append(name),
            datetime.now(UTC) + after,
            asked=NO_APPROVAL,
        )
        return found, heard, await served(connection)

    options = {**SPINE, "canary": {"smallest_traffic": 100, **policy}}
    pair = [replace(free(content, **options), task=task) for content in (b"1", b"2")]
    return run(database, work, *pair)  # type: ignore[no-any-return]


def test_a_canary_that_fails_is_taken_out(database: Database) -> None:
    """Its failures are told from the champion's; the log keeps the figures."""
    answers = alternating(300, {"status": "failed", "score": None}, {})
    found, heard, deployed = looked(database, answers)
    assert found.running is not None
    assert found.running.verdict.verdict == "worse"
    assert found.done is not None
    assert found.done.action == "stop"
    assert found.done.details["verdict"]["figures"]["errors"]["challenger"] == 60
    assert (heard, deployed) == (["canary_stopped"], (1, None, 0))


def test_one_key_that_fails_often_is_one_failure(database: Database) -> None:
    """A bot with a broken key does not roll a model back, nor does a record that was delivered twice."""
    answers = alternating(200, {}, {})
    broken = {"role": "challenger", "version": 2, "key": "bot", "status": "failed", "score": None}
    found, heard, deployed = looked(database, [*answers, *[broken] * 300])
    assert found.running is not None
    assert found.running.verdict.figures["errors"]["challenger"] == 1
    assert (heard, deployed) == ([], (1, 2, 0.2))


@pytest.mark.parametrize(("error", "verdict"), [(NOT_COMPARED, "undecided"), ("not scored: late", "worse")])
def test_a_shadow_that_the_end_of_a_server_cut_is_no_failure(
    database: Database, error: str, verdict: str
) -> None:
    """Killed workers leave answers without a shadow; one that comes too late counts against its version."""
    missing = {"shadow": {"version": 2, "score": None, "error": error}}
    found, _, _ = looked(database, alternating(1500, {}, missing))
    assert found.running is not None
    assert found.running.verdict.verdict == verdict


def test_a_key_counts_once_whatever_the_shares_that_follow(database: Database) -> None:
    """Its arm was drawn once: a broken key is no new evidence each time that the share is moved."""
    broken = {"role": "challenger", "version": 2, "key": "bot", "status": "failed", "score": None}
    moved = [{**broken, "canary_share": share / 100} for share in range(20, 90)]
    found, heard, _ = looked(database, [*alternating(200, {}, {}), *moved])
    assert found.running is not None
    assert found.running.verdict.figures["errors"]["challenger"] == 1
    assert heard == []


def test_a_canary_reads_the_loads_since_it_began(database: Database) -> None:
    """What landed before holds none of its answers."""
    answers = alternating(300, {"status": "failed", "score": None}, {})

    async def work(connection: Connection) -> Any:
        await canary.deploy(connection, NAME, 1, None, "first", asked=NO_APPROVAL)
        await canary.deploy(connection, NAME, 2, 0.2, "canary", asked=NO_APPROVAL)
        await log(connection, answers)
        old = "update ops.loads set status = 'landed', partition_end = now() - interval '1 day'"
        await connection.execute(old)
        return await canary.look(connection, NAME, lambda *_, **__: None, asked=NO_APPROVAL)

    found = run(database, work, free(b"1"), free(b"2"))
    assert found.running.verdict.figures["keys"] == 0


@pytest.mark.parametrize("kind", ["boolean", "numeric(3, 2)"])
def test_a_canary_with_a_larger_loss_is_taken_out(database: Database, kind: str) -> None:
    """Both versions scored every key, so labels of any type compare them in pairs, whichever answered."""
    answers = [
        {"score": 0.9 if place % 2 == 0 else 0.1, "shadow": {"version": 2, "score": 0.4, "error": None}}
        for place in range(300)
    ]
    found, heard, _ = looked(database, answers, kind=kind)
    assert found.running is not None
    assert "its loss is larger by" in found.running.verdict.reasons[0]
    assert heard == ["canary_stopped"]


def test_a_canary_of_classes_is_judged_by_its_chances(database: Database) -> None:
    """By half of the Brier score over all classes, of both versions on every key."""
    chances = {"champion": {"true": 0.9, "false": 0.1}, "worse": {"true": 0.2, "false": 0.5, "other": 0.3}}
    shadow = {"version": 2, "score": 0.5, "error": None, "probabilities": chances["worse"]}
    answers = [
        {"key": str(2 * place), "probabilities": chances["champion"], "shadow": shadow}
        for place in range(200)
    ]
    found, heard, _ = looked(database, answers, task="multiclass")
    assert found.running is not None
    # (0.8² + 0.5² + 0.3²) / 2 less (0.1² + 0.1²) / 2
    assert "its loss is larger by 0.4800" in found.running.verdict.reasons[0]
    assert heard == ["canary_stopped"]


def test_a_healthy_canary_becomes_champion_where_declared(database: Database) -> None:
    """By the upper bounds of both differences; not by itself unless declared."""
    answers = alternating(2000, {}, {})
    margins = {"margin": 0.05, "error_margin": 0.05}
    found, heard, deployed = looked(database, answers, promote=True, **margins)
    assert found.running is not None
    assert found.running.verdict.verdict == "as good"
    assert (heard, deployed) == (["canary_promoted"], (2, None, 0))


def test_a_canary_without_traffic_ends_at_its_deadline(database: Database) -> None:
    """Too little traffic is a verdict of its own; before the deadline the canary is left alone."""
    found, heard, deployed = looked(database, alternating(50, {}, {}), timedelta(days=8))
    assert found.running is not None
    assert found.running.verdict.verdict == "too little traffic"
    assert found.running.verdict.reasons == ["10 keys of the challenger, the smallest traffic is 100"]
    assert (heard, deployed) == (["canary_stopped"], (1, None, 0))


def test_a_slow_canary_is_taken_out(database: Database) -> None:
    """Slow is slower than the champion's p95 before the canary, by either version."""

    async def work(connection: Connection) -> Any:
        await canary.deploy(connection, NAME, 1, None, "first", asked=NO_APPROVAL)
        await log(connection, alternating(300, {"seconds": 0.5}, {}))
        found = await canary.deploy(connection, NAME, 2, 0.2, "canary", asked=NO_APPROVAL)
        assert found.details["champion_p95_seconds"] == pytest.approx(0.01)
        await connection.execute(
            "update staging_predictions.answers set record = record || jsonb_build_object('at', now())"
        )
        return await canary.look(connection, NAME, lambda *_, **__: None, asked=NO_APPROVAL)

    found = run(database, work, free(b"1"), free(b"2"))
    assert found.running.verdict.reasons[0].startswith("slow keys: 60 of the challenger, 0 of the champion")
