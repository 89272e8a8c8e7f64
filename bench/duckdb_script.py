"""Fetches what a release holds as Arrow and joins it to labels with DuckDB's ASOF, in its own environment.

python duckdb_script.py '{"dsn": ..., "spine": ..., "release": ..., "views": [...]}'

Then each line of input is answered with the seconds of one run.
"""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import duckdb


def main() -> None:
    """Answers until its input ends."""
    described = json.loads(sys.argv[1])
    print('answer {"ready": true}', flush=True)
    for _ in sys.stdin:
        print(f"answer {json.dumps({'seconds': train(described)})}", flush=True)


def train(described: dict[str, Any]) -> float:
    """Seconds until the training set is in Arrow."""
    began = time.perf_counter()
    release = described["release"]
    with (
        adbc.connect(described["dsn"]) as connection,
        connection.cursor() as cursor,
        duckdb.connect() as joining,
    ):
        cursor.execute("set jit = off")
        cursor.execute(f"select * from {described['spine']}")
        joining.register("spine", cursor.fetch_arrow_table())
        selected, joins = ["spine.*"], []
        for view in described["views"]:
            name = view["name"]
            columns = [*view["keys"], "as_of", *view["columns"]]
            cursor.execute(
                f"select {', '.join(columns)} from feature_store.{name}_history"
                f" where valid_from_release <= {release}"
                f" and (valid_to_release is null or valid_to_release > {release})"
            )
            joining.register(name, cursor.fetch_arrow_table())
            matches = " and ".join(f"{name}.{key} = spine.{key}" for key in view["keys"])
            joins.append(f"asof left join {name} on {matches} and spine.opened_at >= {name}.as_of")
            selected += [f"{name}.{column} as {name}__{column}" for column in ["as_of", *view["columns"]]]
        found = joining.sql(f"select {', '.join(selected)} from spine {' '.join(joins)}").to_arrow_table()
    seconds = time.perf_counter() - began
    assert found.num_rows > 0
    return seconds


if __name__ == "__main__":
    main()
