"""What the landed prediction log holds of a running challenger."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg

from headgate.model import key_text
from headgate.model.deployment.policy import canary_policy
from headgate.model.deployment.statistics.rates import Step
from headgate.model.deployment.verdict import Evidence
from headgate.model.personal import Personal
from headgate.model.promotions import Promotion
from headgate.model.versions import ModelVersion
from headgate.postgres.connection import Connection
from headgate.store.views import quoted

#: Where the log lands; `record` is an answer as docs/deployment.md describes it.
LOG = "staging_predictions.answers"
#: The error of a shadow that was not scored before its server ended: it tells nothing of the challenger.
NOT_COMPARED = "not scored before the server ended"
#: A label as its loss takes it, by task: what is no number is truth. NaN is no label.
NUMBER = (
    "nullif(case lower({label}::text) when 'true' then 1 when 'false' then 0"
    " else {label}::text::double precision end, 'NaN')"
)
LABELS = {"binary": NUMBER, "regression": NUMBER, "multiclass": "{label}::text"}
# An appended load ends when it landed, so no answer since then is in an older one: the others are not read.
LOADS = """
    select coalesce(array_agg(load_id), '{}') from ops.loads
    where
        contract_source = 'predictions'
        and (status = 'open' or status = 'landed' and partition_end >= $1)
"""
NEWEST = """
    select max(partition_end) - interval '1 day' from ops.loads
    where contract_source = 'predictions' and status = 'landed'
"""
# Each key counts once, at its first answer: its arm is drawn once, whatever the shares that follow.
# In the shadow nothing is drawn. A record that was delivered twice is one.
FIRST_ANSWERS = """
    with answers as (
        select distinct on (record ->> 'prediction_id')
            (record ->> 'at')::timestamptz as answered_at,
            record ->> 'key' as key,
            record ->> 'role' as role,
            (record ->> 'canary_share')::double precision as share,
            record ->> 'status' = 'failed' as failed,
            (record ->> 'seconds')::double precision as seconds,
            (record ->> 'score')::double precision as score,
            (record #>> '{{shadow,score}}')::double precision as shadow_score,
            nullif(record #>> '{{shadow,error}}', $6) as shadow_error,
            record -> 'probabilities' as probabilities,
            record #> '{{shadow,probabilities}}' as shadow_probabilities
        from {log}
        where
            load_id = any($5)
            and record ->> 'model' = $1
            and (record ->> 'champion_version')::integer = $2
            and (record ->> 'challenger_version')::integer = $3
            and (record ->> 'at')::timestamptz >= $4
            and record ->> 'status' <> 'refused'
    ),

    first as (
        select distinct on (key, share > 0) * from answers order by key, share > 0, answered_at
    )

    select first.*, labels.label
    from first
    {labels}
    order by first.answered_at, first.key
"""
P95 = """
    select percentile_cont(0.95) within group (order by (record ->> 'seconds')::double precision)
    from {log}
    where
        load_id = any($3)
        and record ->> 'model' = $1 and (record ->> 'version')::integer = $2
        and record ->> 'status' = 'answered'
"""


async def p95_seconds(connection: Connection, model: str, champion: int) -> float | None:
    """How long the champion's slowest twentieth of answers took, in seconds; None without any.

    Of what landed in the newest day: what is a year old tells nothing of today's load.
    """
    if not await has_log(connection):
        return None
    since = await connection.fetchval(NEWEST) or datetime.min.replace(tzinfo=UTC)
    loads = await connection.fetchval(LOADS, since)
    found: float | None = await connection.fetchval(P95.format(log=LOG), model, champion, loads)
    return found


async def gather(connection: Connection, version: ModelVersion, began: Promotion) -> Evidence:
    """The evidence of a challenger since the row of the log that deployed it."""
    has_labels = expects_labels(version)
    if not await has_log(connection):
        return Evidence(has_labels=has_labels)
    without = "cross join (select null::double precision as label) as labels"
    labels = labels_of(version, "first") if has_labels else without
    rows = await connection.fetch(
        FIRST_ANSWERS.format(log=LOG, labels=labels),
        version.model,
        began.champion,
        version.version,
        began.happened_at,
        await connection.fetchval(LOADS, began.happened_at),
        NOT_COMPARED,
    )
    slow = began.details.get("champion_p95_seconds")
    return summed(rows, task=version.task, slow_seconds=slow, has_labels=has_labels)


def expects_labels(version: ModelVersion) -> bool:
    """Whether a version's answers get labels that a loss can be computed with."""
    options = version.manifest["options"]
    # A personal class is logged as a hash, and its chances are not.
    is_hidden = version.task == "multiclass" and Personal.of(options).answer is not None
    return version.task in LOSSES and bool(options.get("spine")) and not is_hidden


def summed(
    rows: Sequence[asyncpg.Record | dict[str, Any]],
    *,
    task: str,
    slow_seconds: float | None,
    has_labels: bool,
) -> Evidence:
    """Answers, one a key in the shadow and one in the canary, as evidence."""
    paired = [row for row in rows if row["shadow_score"] is not None or row["shadow_error"] is not None]
    labelled = [row for row in paired if row["label"] is not None and None not in _scores(row, task)]
    return Evidence(
        keys=len(rows),
        canary_keys=sum(row["role"] == "challenger" for row in rows),
        paired_keys=len(paired),
        errors=_steps([row for row in rows if row["failed"]]),
        slow=_steps(
            [row for row in rows if slow_seconds is not None and (row["seconds"] or 0) > slow_seconds]
        ),
        failures=[_failure_difference(row) for row in paired],
        losses=[_loss_difference(row, task) for row in labelled],
        has_labels=has_labels,
    )


def _steps(failed: Sequence[Any]) -> list[Step]:
    """Failures by share, in order of time; a share of nothing or of everything compares nothing."""
    counts: dict[float, list[int]] = {}
    for row in failed:
        if 0 < row["share"] < 1:
            counts.setdefault(row["share"], [0, 0])[row["role"] == "challenger"] += 1
    return [Step(share=share, champion=found[0], canary=found[1]) for share, found in counts.items()]


def _failure_difference(row: Any) -> float:
    failed, other = bool(row["failed"]), row["shadow_error"] is not None
    challenger, champion = (failed, other) if row["role"] == "challenger" else (other, failed)
    return float(challenger) - float(champion)


def _scores(row: Any, task: str) -> tuple[Any, Any]:
    """The challenger's score, and the champion's; of several classes their chances, as JSON."""
    name = "probabilities" if task == "multiclass" else "score"
    pair = (row[name], row[f"shadow_{name}"])
    return pair if row["role"] == "challenger" else pair[::-1]


def _loss_difference(row: Any, task: str) -> float:
    challenger, champion = _scores(row, task)
    return LOSSES[task](challenger, row["label"]) - LOSSES[task](champion, row["label"])


def _squared(score: float, label: float) -> float:
    return (score - float(label)) ** 2


def _absolute(score: float, label: float) -> float:
    return math.fabs(score - float(label))


def _brier(chances: str, label: str) -> float:
    """Half of the Brier score over all classes: from 0 to 1, as that of two classes."""
    found: dict[str, float] = json.loads(chances)
    return sum((found.get(name, 0.0) - (name == label)) ** 2 for name in {*found, label}) / 2


#: The loss of one answer, by task; of others none is known.
LOSSES: dict[str, Callable[[Any, Any], float]] = {
    "binary": _squared,
    "regression": _absolute,
    "multiclass": _brier,
}


def labels_of(version: ModelVersion, answers: str) -> str:
    """The join that gives each of the answers (key, answered_at) its label: null until it is known.

    An answer's label is that of the newest row of the spine with its key that is not later than the answer,
    and not older than the policy's tolerance: what became of an earlier one is not what was asked.
    """
    options = version.manifest["options"]
    schema, _, name = str(options["spine"]).rpartition(".")
    spine = f"{quoted(schema or 'training')}.{quoted(name)}"
    keys = key_text.joined_sql([quoted(key) for key in key_names(version)])
    instant, label = quoted(options["instant"]), quoted(options["label"])
    value = LABELS[version.task].format(label=label)
    tolerance = canary_policy(options).label_tolerance.total_seconds()
    return (
        f"left join lateral (select {value} as label from {spine}"  # noqa: S608
        f" where {keys} = {answers}.key and {instant} <= {answers}.answered_at"
        f" and {instant} >= {answers}.answered_at - interval '{tolerance} seconds'"
        f" order by {instant} desc limit 1) as labels on true"
    )


def key_names(version: ModelVersion) -> list[str]:
    """The columns that an answer's key is made of, in the key's order."""
    declared = version.manifest["options"].get("spine_keys")
    return declared or [name for name, _ in version.manifest["signature"]["keys"]]


async def has_log(connection: Connection) -> bool:
    """Whether predictions were ever landed."""
    return bool(await connection.fetchval("select to_regclass($1) is not null", LOG))
