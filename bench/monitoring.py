"""A day of a served model's log, monitored by dbt's models and gates: alone, and after ten days as large.

The typed answers are made in the server; measured is what dbt makes of them: traffic, drift of 60
features and the score, skew against the store's history, quality by label and slice.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from bench.figures import Figure
from bench.project import DbtRun, Project
from bench.servers import Database
from bench.workbench import Workbench

SECONDS, GROWTH = 10, 1.2
FEATURES, STORED = 60, 20
DAYS, SMALL_DAYS = 11, 2
#: History has begun by then. Labels may come for a horizon and two days: the last build looks at three days.
SETTLED = 3
BUILD = ("--select", "path:models/monitoring/predictions", "--indirect-selection", "cautious")
#: A model on features of a view and of the request, its reference histograms, a release, a spine.
MODEL = """
    insert into ops.releases (release_id, published_by, loads_added, loads_removed, gates)
    values (1, 'bench', '{{}}', '{{}}', '{{}}');
    create table feature_store.shop_history as
    select
        n::bigint as shop_id, timestamptz '2026-02-28' as as_of, {stored},
        1 as valid_from_release, null::integer as valid_to_release
    from generate_series(1, {keys}) as n;
    alter table feature_store.shop_history add primary key (shop_id, as_of);
    insert into ops.release_views (
        release_id, view, version, keys, columns, source_relation, rows_total, rows_added, rows_changed,
        rows_closed, entities_changed
    )
    values (1, 'shop', 1, '{{shop_id}}', '{columns}', 0, 0, 0, 0, 0, 0);
    insert into ops.model_versions (
        model, version, model_sha256, task, flavour, manifest, parameters, figures, gates, passed,
        environment, trained_by
    )
    values ('bench', 1, '', 'binary', 'lightgbm', '{manifest}', '{{}}', '{{}}', '[]', true, '{{}}', 'bench');
    insert into ops.model_references
    select 'bench', 1, feature, '{{1,2,3,4,5,6,7,8,9}}', '{{}}', array_fill(1000, array[10]), 0
    from unnest('{names}'::text[] || 'score'::text) as feature;
    create schema if not exists training;
    create table training.pull_requests_opened (shop_id bigint, asked_at timestamptz, is_sold boolean);
    create index on training.pull_requests_opened (asked_at)
"""
#: 5,000 different sets of features, each many answers'.
SETS = """
    create unlogged table public.sets as
    select n as number, (
        select jsonb_object_agg(
            name, case when place <= {stored} then (n % 10) else floor(random() * 10 + n * 0) end
        )
        from unnest('{names}'::text[]) with ordinality as names (name, place)
    ) as features
    from generate_series(0, 4999) as n
"""
DAY = """
    insert into typed.stg_predictions__answers (
        record_id, partition_start, line_number, release_id, key, model, role, status, canary_share,
        champion_version, score, seconds, staleness_seconds, version, explained, recorded_at, as_of, features
    )
    select
        '{day}-' || n, timestamptz '{day}Z', n, 1, (n % {keys} + 1)::text, 'bench', 'champion',
        case when n % 500 = 0 then 'failed' else 'answered' end, 0, 1, (n % 1000) / 1000.0,
        0.001 + n % 100 * 0.0001, n % 3600, 1, false,
        timestamptz '{day}Z' + n * interval '86399 seconds' / {rows}, '{{"shop": "2026-02-28T00:00:00Z"}}',
        sets.features
    from generate_series(1, {rows}) as n
    inner join public.sets on sets.number = (n % {keys} + 1) % 5000;
    insert into training.pull_requests_opened
    select n, timestamptz '{day}Z', n % 3 = 0 from generate_series(1, {keys}) as n where n % 10 > 0;
    with load as (
        insert into ops.loads (
            source, entity, partition_start, partition_end, uri, status, lines_read, rows_landed,
            rows_rejected
        )
        values ('predictions', 'answers', '{day}Z', '{next}Z', 'bench', 'landed', {rows}, {rows}, 0)
        returning load_id
    )
    insert into ops.built_partitions (
        model, source, partition_start, upstream_version, version, built_at, load_id
    )
    select 'stg_predictions__answers', 'predictions', '{day}Z', load_id::text, '{day}', now(), load_id
    from load
"""


def run(bench: Workbench) -> Iterator[Figure]:
    """CPU seconds of the server for a day's partition: the first one, and the eleventh against it."""
    rows, keys = (1_000_000, 100_000) if bench.full else (3_000, 500)
    days = DAYS if bench.full else SMALL_DAYS
    database = bench.database("monitoring", bench.servers[0])
    project = Project(database)
    project.build("--select", "+path:models/staging/predictions", *BUILD[2:])
    project.build("--select", "model_alarm_limits")
    names = [f"shop__column_{place}" for place in range(STORED)]
    names += [f"of_request_{place}" for place in range(FEATURES - STORED)]
    _make_model(database, names, keys)
    runs = []
    first = datetime.now(UTC).date() - timedelta(days=days)
    for place in range(days):
        day = first + timedelta(days=place)
        database.execute(DAY.format(day=day, next=day + timedelta(days=1), rows=rows, keys=keys))
        # What the answers themselves cost to write is none of monitoring's.
        database.execute("vacuum analyze typed.stg_predictions__answers", "checkpoint")
        runs.append(project.build(*BUILD))
        bench.say(f"day {place + 1}: {rows:,} answers, CPU of the server {runs[-1].server_cpu:.1f} s")
        if bench.verbose:
            _say_nodes(bench, runs[-1])
    name = f"a day's partition of {rows:,} predictions and {FEATURES} features, CPU of the server"
    yield Figure.amount(name, "s", runs[0].server_cpu, SECONDS)
    if bench.full:
        yield Figure.amount("  after ten days as large", "s", runs[-1].server_cpu, SECONDS)
        yield Figure.cost("  against the fourth day", runs[SETTLED].server_cpu, runs[-1].server_cpu, GROWTH)


def _make_model(database: Database, names: list[str], keys: int) -> None:
    types = [{"name": "shop_id", "type": "bigint", "stored_as": "shop_id"}]
    types += [
        {"name": f"column_{place}", "type": "double precision", "stored_as": f"column_{place}"}
        for place in range(STORED)
    ]
    inputs = [{"name": name, "view": "shop" if name.startswith("shop") else None} for name in names]
    options = {
        "spine": "training.pull_requests_opened",
        "instant": "asked_at",
        "label": "is_sold",
        "horizon_seconds": 3600,
        "slices": {"column": names[0], "asked": names[-1]},
        "alerts": {"cost_per_hour": 1, "largest_loss": 0.9},
        "canary": {"label_tolerance": "1d"},
    }
    manifest = {
        "task": "binary",
        "signature": {"keys": [["shop_id", "bigint"]], "inputs": inputs},
        "views": {"shop": {"version": 1}},
        "options": options,
    }
    stored = ", ".join(f"((n % 5000) % 10)::double precision as column_{place}" for place in range(STORED))
    listed = "{" + ",".join(names) + "}"
    database.execute(
        MODEL.format(
            stored=stored, keys=keys, columns=json.dumps(types), manifest=json.dumps(manifest), names=listed
        ),
        SETS.format(stored=STORED, names=listed),
    )


def _say_nodes(bench: Workbench, run: DbtRun) -> None:
    for node in sorted(run.nodes, key=lambda node: -run.nodes[node])[:8]:
        bench.say(f"  {run.nodes[node]:6.2f} s {node}")
