"""What the database holds: models and what they were built from, the active release, contracts, past runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from headgate.contract import Contract
from headgate.contract.declared import parse_contract
from headgate.definitions import Definitions, load_definitions
from headgate.postgres.connection import Connection
from headgate.store import ledger
from headgate.store.approval import BUILT_FROM
from headgate.store.views import FeatureView, keys_held, views_of_release

MODELS = """
    select
        deployed.model,
        deployed.relation_schema as schema,
        deployed.materialized,
        deployed.definition,
        greatest(relation.reltuples, 0)::bigint as rows,
        coalesce(pg_total_relation_size(relation.oid), 0)::bigint as bytes,
        array(
            select attname::text from pg_attribute
            where attrelid = relation.oid and attnum > 0 and not attisdropped order by attnum
        ) as columns
    from ops.deployed_models as deployed
    inner join pg_class as relation
        on relation.oid = to_regclass(format('%I.%I', deployed.relation_schema, deployed.model))
"""

# Made by dbt while nothing had landed that they are built from: no definition is recorded of no rows.
EMPTY = """
    select relation.relname::text as model, array(
        select attname::text from pg_attribute
        where attrelid = relation.oid and attnum > 0 and not attisdropped
    ) as columns
    from pg_class as relation
    where
        relation.relkind = 'r'
        and relation.relnamespace = any(
            select to_regnamespace(name)
            from unnest(array['typed', 'features', 'monitoring', 'training']) as name
        )
        and not exists (select from ops.deployed_models where model = relation.relname)
"""

# The past run that built most is the best guess at what all will take.
SECONDS = """
    select distinct on (model)
        model,
        (seconds + gate_seconds) / greatest(partitions, 1) as seconds_per_partition,
        partitions = 0 as is_whole
    from ops.model_runs
    order by model, partitions desc, ran_at desc
"""

# Contracts in use: the newest, and the one that was in use when the active release was published.
CONTRACTS = """
    select distinct on (source) source, contract
    from ops.contracts
    order by source, first_used_at desc
"""


#: How many findings a plan names.
OBSERVED_LINES = 20
OBSERVED = """
    select format('load %s: %s', load_id, explanation) as sentence
    from monitoring.contract_drift
    where load_id in (select load_id from ops.loads where status = 'landed')
    order by load_id desc, finding = 'new path', finding desc, record_type, path
    limit $1
"""


@dataclass(frozen=True, kw_only=True)
class BuiltModel:
    """A relation that dbt has built."""

    name: str
    schema: str
    materialized: str
    #: Keys of the definitions that its partitions were built from; of the whole where it has none.
    built_from: tuple[str, ...]
    #: What it was built from last.
    definition: str
    columns: tuple[str, ...]
    #: Estimated, as the server's statistics have it.
    rows: int
    bytes: int
    #: Of a whole build, gates included, guessed from past runs; None when it never ran.
    seconds: float | None


@dataclass(frozen=True, kw_only=True)
class Deployed:
    """All that a plan compares on its right side."""

    models: Mapping[str, BuiltModel]
    #: By their hashes.
    definitions: Definitions
    release: int | None
    #: The feature views of the active release.
    views: Mapping[str, FeatureView]
    contracts: Mapping[str, Contract]
    #: Landed partitions, all sources.
    partitions: int
    #: What newly landed records hold that the contract does not say, a sentence each.
    observed: tuple[str, ...]
    #: (name and version, release, feature views).
    datasets: tuple[tuple[str, int, tuple[str, ...]], ...]
    #: Columns of relations that hold nothing yet, by model.
    empty: Mapping[str, frozenset[str]] = field(default_factory=dict)
    #: Keys of the feature views of all releases.
    keys: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)


async def read_deployed(connection: Connection) -> Deployed:
    """Reads the database, in one snapshot."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        release = await ledger.active_release(connection)
        views = await views_of_release(connection, release) if release else {}
        partitions = await connection.fetchval("select count(*) from ops.loads where status = 'landed'")
        models = await _models(connection, partitions)
        keys = {key for model in models.values() for key in model.built_from}
        keys |= {view.definition for view in views.values() if view.definition}
        return Deployed(
            models=models,
            definitions=await load_definitions(connection, keys),
            release=release,
            views=views,
            contracts=await deployed_contracts(connection),
            partitions=partitions,
            observed=await _observed(connection),
            datasets=tuple(
                (f"{row['name']} version {row['version']}", row["release_id"], tuple(row["views"]))
                for row in await connection.fetch("select * from ops.datasets order by name, version")
            ),
            empty={row["model"]: frozenset(row["columns"]) for row in await connection.fetch(EMPTY)},
            keys=await keys_held(connection),
        )


async def _observed(connection: Connection) -> tuple[str, ...]:
    """Findings of `monitoring.contract_drift` in what is landed now, the newest loads first."""
    if await connection.fetchval("select to_regclass('monitoring.contract_drift') is null"):
        return ()
    return tuple(row["sentence"] for row in await connection.fetch(OBSERVED, OBSERVED_LINES))


async def deployed_contracts(connection: Connection) -> dict[str, Contract]:
    """The contract of each source that records were typed under last."""
    rows = await connection.fetch(CONTRACTS)
    return {
        row["source"]: parse_contract(
            json.loads(row["contract"]), Path("ops.contracts"), f"contract of {row['source']}"
        )
        for row in rows
    }


async def _models(connection: Connection, partitions: int) -> dict[str, BuiltModel]:
    built_from = {row["model"]: row["definitions"] for row in await connection.fetch(BUILT_FROM, None)}
    seconds = {
        row["model"]: row["seconds_per_partition"] * (1 if row["is_whole"] else partitions)
        for row in await connection.fetch(SECONDS)
    }
    return {
        row["model"]: BuiltModel(
            name=row["model"],
            schema=row["schema"],
            materialized=row["materialized"],
            built_from=tuple(
                sorted(built_from.get(row["model"], ()))
                if row["materialized"] == "incremental"
                else [row["definition"]]
            ),
            definition=row["definition"],
            columns=tuple(row["columns"]),
            rows=row["rows"],
            bytes=row["bytes"],
            seconds=seconds.get(row["model"]),
        )
        for row in await connection.fetch(MODELS)
    }
