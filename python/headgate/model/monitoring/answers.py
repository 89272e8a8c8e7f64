"""A day of a version's answers in the landed log: how many, how fast, how distributed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from headgate.model.versions import Histogram, ModelVersion
from headgate.postgres.connection import Connection

#: Keys that drift and skew look at; of more, a part that is drawn by hash.
LARGEST_SAMPLE = 10_000
#: Loads of other days are not read, whatever the history.
LOADS = """
    select coalesce(array_agg(load_id), '{}') from ops.loads
    where
        contract_source = 'predictions'
        and (status = 'open' or status = 'landed' and partition_start < $2 and partition_end > $1)
"""
CREATE = """
    create temporary table day_answers (
        part oid, place tid, prediction_id text, answered_at timestamptz, key text, score double precision,
        status text, seconds double precision, staleness_seconds double precision
    ) on commit drop
"""
# Features are by far the most of a record: only the sample's are read.
TAKE_DAY = """
    insert into day_answers
    select
        log.tableoid, log.ctid, record ->> 'prediction_id', (record ->> 'at')::timestamptz, record ->> 'key',
        (record ->> 'score')::double precision, record ->> 'status',
        (record ->> 'seconds')::double precision, (record ->> 'staleness_seconds')::double precision
    from staging_predictions.answers as log
    where
        load_id = any($5) and record ->> 'model' = $1 and (record ->> 'version')::integer = $2
        and (record ->> 'at')::timestamptz >= $3 and (record ->> 'at')::timestamptz < $4
"""
# A record that was delivered twice is one; of each key the first answer of the day is looked at.
SAMPLE = """
    create temporary table day_sample on commit drop as
    with keys as (select count(distinct key) as number from day_answers),

    drawn as (
        select distinct on (key) day_answers.*
        from day_answers, keys
        where
            status = 'answered'
            and (hashtextextended(key, 13) & 1048575)
            < 1048576.0 * {largest} / greatest(keys.number, {largest})
        order by key, answered_at
    )

    select
        drawn.answered_at, drawn.key, drawn.score,
        (log.record ->> 'release_id')::integer as release_id,
        log.record -> 'as_of' as as_of,
        log.record -> 'features' as features
    from drawn
    inner join staging_predictions.answers as log on log.ctid = drawn.place and log.tableoid = drawn.part
"""
FIGURES = """
    with answers as (select distinct on (prediction_id) * from day_answers order by prediction_id)

    select
        count(*) as volume,
        count(distinct key) as keys,
        count(*) filter (where status = 'failed') as failed,
        count(*) filter (where status = 'refused') as refused,
        percentile_cont(0.5) within group (order by seconds) as p50_seconds,
        percentile_cont(0.95) within group (order by seconds) as p95_seconds,
        percentile_cont(0.99) within group (order by seconds) as p99_seconds,
        percentile_cont(0.5) within group (order by staleness_seconds) as p50_staleness_seconds,
        percentile_cont(0.95) within group (order by staleness_seconds) as p95_staleness_seconds,
        max(staleness_seconds) as largest_staleness_seconds,
        sum(seconds) as total_seconds,
        avg(score) as mean_score,
        avg(score * (1 - score)) filter (where score between 0 and 1) as expected_brier
    from answers
"""
BINS = """
    with given as (
        select item.feature, item.value
        from day_sample
        cross join lateral jsonb_each_text(day_sample.features) as item (feature, value)
        where item.value is not null
        union all
        select 'score', score::text from day_sample where score is not null
    )

    select
        feature,
        case
            when cardinality(reference.labels) = 0 then width_bucket(
                case value when 'true' then 1 when 'false' then 0 else value::double precision end,
                reference.edges
            )
            else coalesce(array_position(reference.labels, value), cardinality(reference.labels) + 1) - 1
        end as bin,
        count(*) as number
    from given
    inner join ops.model_references as reference using (feature)
    where reference.model = $1 and reference.version = $2
    group by 1, 2
"""


@dataclass(frozen=True, kw_only=True)
class Window:
    """A day in UTC."""

    day: date

    @property
    def bounds(self) -> tuple[datetime, datetime]:
        """Its first instant, and that of the next."""
        start = datetime.combine(self.day, time(), UTC)
        return start, start + timedelta(days=1)


async def take(connection: Connection, version: ModelVersion, window: Window) -> None:
    """Reads the day of a version into temporary tables of the transaction; the log is read once."""
    await connection.execute("drop table if exists day_sample, day_answers")
    await connection.execute(CREATE)
    loads = await connection.fetchval(LOADS, *window.bounds)
    await connection.execute(TAKE_DAY, version.model, version.version, *window.bounds, loads)
    await connection.execute(SAMPLE.format(largest=LARGEST_SAMPLE))
    await connection.execute("analyze day_sample")


async def figures(connection: Connection) -> dict[str, Any]:
    """Volume, errors, latency and staleness of the day that was taken."""
    row = await connection.fetchrow(FIGURES)
    assert row is not None
    return dict(row)


async def histograms(
    connection: Connection, version: ModelVersion, references: Sequence[Histogram]
) -> dict[str, tuple[list[int], list[int]]]:
    """Counts by bin of training and of the day's sample; the last bin is of what has no value."""
    rows = await connection.fetch(BINS, version.model, version.version)
    sampled = await connection.fetchval("select count(*) from day_sample")
    by_feature: dict[str, dict[int, int]] = {}
    for row in rows:
        by_feature.setdefault(row["feature"], {})[row["bin"]] = row["number"]
    pairs = {}
    for found in references:
        numbers = by_feature.get(found.feature, {})
        counts = [numbers.get(place, 0) for place in range(len(found.counts))]
        pairs[found.feature] = ([*found.counts, found.missing], [*counts, sampled - sum(counts)])
    return pairs
