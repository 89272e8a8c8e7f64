"""What Feast does in its own environment: reads requests as JSON lines, answers with what they took.

    python feast_script.py FOLDER, with a description of feature views in FOLDER/views.json

Requests: {"do": "materialize", "views": [...], "from": ISO, "to": ISO},
{"do": "online", "views": [...], "keys": [[{...}], ...]}, {"do": "training", "views": [...], "labels": SQL}.
"""

from __future__ import annotations

import json
import logging
import sys
import time
import warnings
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

warnings.simplefilter("ignore")

from feast import Entity, FeatureStore, FeatureView, Field, RepoConfig, ValueType  # noqa: E402
from feast.infra.offline_stores.contrib.postgres_offline_store.postgres_source import (  # noqa: E402
    PostgreSQLSource,
)
from feast.types import Bool, Float64, Int64, UnixTimestamp  # noqa: E402
from psycopg.errors import QueryCanceled  # noqa: E402

TYPES = {
    "bigint": Int64,
    "boolean": Bool,
    "double precision": Float64,
    "timestamp with time zone": UnixTimestamp,
}


def main() -> None:
    """Answers until its input ends."""
    logging.disable(logging.INFO)
    folder = Path(sys.argv[1])
    described = json.loads((folder / "views.json").read_text())
    store = FeatureStore(config=config(folder, described["database"]))
    views = feature_views(described["views"])
    store.apply([*entities().values(), *views.values()])
    say({"ready": True})
    for line in sys.stdin:
        request = json.loads(line)
        say({"seconds": globals()[request.pop("do")](store, views, **request)})


def say(answer: dict[str, Any]) -> None:
    """One line to whoever asked."""
    print(f"answer {json.dumps(answer)}", flush=True)


def config(folder: Path, database: dict[str, Any]) -> RepoConfig:
    """Offline and online store in the same database; the registry in a file that is read once."""
    return RepoConfig(
        project="bench",
        provider="local",
        registry={"path": str(folder / "registry.db"), "cache_ttl_seconds": 100_000},
        offline_store={"type": "postgres", "db_schema": "feast", **database},
        online_store={"type": "postgres", "db_schema": "feast", **database},
        entity_key_serialization_version=3,
    )


def entities() -> dict[str, Entity]:
    """The two entities, by their key column."""
    return {
        name: Entity(name=name.removesuffix("_id"), join_keys=[name], value_type=ValueType.INT64)
        for name in ("repository_id", "actor_id")
    }


def feature_views(described: list[dict[str, Any]]) -> dict[str, FeatureView]:
    """Feature views over the tables that dbt would have built."""
    known = entities()
    return {
        view["name"]: FeatureView(
            name=view["name"],
            entities=[known[name] for name in view["keys"]],
            ttl=timedelta(days=3650),
            schema=[
                *(Field(name=name, dtype=Int64) for name in view["keys"]),
                *(Field(name=name, dtype=TYPES[kind]) for name, kind in view["columns"].items()),
            ],
            source=PostgreSQLSource(
                name=view["name"], table=f"features.{view['name']}", timestamp_field="as_of"
            ),
        )
        for view in described
    }


def references(views: dict[str, FeatureView], names: list[str]) -> list[str]:
    """All features of some views."""
    keys = {"repository_id", "actor_id"}
    return [
        f"{name}:{field.name}" for name in names for field in views[name].schema if field.name not in keys
    ]


def materialize(store: FeatureStore, _: dict[str, FeatureView], views: list[str], **window: str) -> float:
    """Seconds until the newest rows of a time window are online."""
    began = time.perf_counter()
    store.materialize(
        datetime.fromisoformat(window["from"]),
        datetime.fromisoformat(window["to"]),
        feature_views=views,
    )
    return time.perf_counter() - began


def online(
    store: FeatureStore, known: dict[str, FeatureView], views: list[str], keys: list[list[dict[str, int]]]
) -> list[float]:
    """Seconds of each read."""
    features = references(known, views)
    taken = []
    for rows in keys:
        began = time.perf_counter()
        found = store.get_online_features(
            features=features, entity_rows=rows, full_feature_names=len(views) > 1
        ).to_dict()
        taken.append(time.perf_counter() - began)
        assert len(found) > len(features)
    return taken


def training(
    store: FeatureStore, known: dict[str, FeatureView], views: list[str], labels: str
) -> float | None:
    """Seconds until a training set is in Arrow; None when the server's statement_timeout ended it."""
    began = time.perf_counter()
    try:
        found = store.get_historical_features(
            entity_df=labels, features=references(known, views), full_feature_names=True
        ).to_arrow()
    except QueryCanceled:
        return None
    seconds = time.perf_counter() - began
    assert found.num_rows > 0
    return seconds


if __name__ == "__main__":
    main()
