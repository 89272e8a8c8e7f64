"""What is landed lands again when what decides on it was declared anew, and on demand."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from headgate.landing import LoadResult, land_files
from headgate.report import number_of
from headgate.scaffold.files import NewFiles
from headgate.scaffold.infer import infer
from headgate.scaffold.source import new_source
from headgate.settings import Settings
from tests.integration.landing_files import as_lines, event, write_hour
from tests.project_copy import ProjectCopy
from tests.sample_sources import write_lines
from tests.small_project import PATHS, declare, settings_for
from tests.support import Database

LANDED = "staging_orders.records"
RECORDS = [{"id": n, "email": f"{n}@example.org", "zip": f"0{n}"} for n in range(20)]
STATES = "select status from ops.loads order by load_id"


def land(
    database: Database, folder: Path, *files: Path, loader: dict[str, Any], again: bool = False, **how: Any
) -> LoadResult:
    """Lands a file under a declaration."""
    settings: Settings = settings_for(database.settings, declare(folder / "project", "orders", loader, **how))
    (result,) = land_files(settings, "orders", files, connections=1, again=again)
    return result


def records(database: Database) -> list[dict[str, Any]]:
    """What is landed."""
    rows = database.query(
        f"select record from {LANDED} join ops.loads using (load_id) where status = 'landed'"
    )
    return [record for (record,) in rows]


def test_a_format_that_was_corrected_lands_the_same_bytes(database: Database, tmp_path: Path) -> None:
    """Parquet under JSON lines is refused as a file, and lands as soon as the format is right."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(RECORDS), out)
    file = tmp_path / "orders"
    file.write_bytes(out.getvalue())
    refused = land(database, tmp_path, file, loader={"type": "files", "format": "jsonl"})
    assert refused.status == "failed"
    assert refused.error is not None
    assert refused.error["found"] == "a Parquet file"
    assert "`format`" in refused.error["next_step"]
    landed = land(database, tmp_path, file, loader={"type": "files", "format": "parquet"})
    assert (landed.status, landed.rows_landed) == ("landed", 20)
    assert land(database, tmp_path, file, loader={"type": "files", "format": "parquet"}).status == "unchanged"


@pytest.mark.parametrize(
    "change",
    [
        {"loader": {"type": "files", "format": "csv", "delimiter": ";"}},
        {"loader": {"type": "files", "format": "csv", "encoding": "latin-1"}},
        {"paths": [*PATHS, {"path": "zip", "type": "integer"}]},
        {"paths": [*PATHS, {"path": "zip", "type": "string", "pii": "hmac"}]},
        {"envelope": {"identity": "zip", "kind": None, "time": "updated_at"}},
    ],
    ids=["delimiter", "encoding", "type", "privacy", "envelope"],
)
def test_what_decides_on_records_lands_them_again(
    database: Database, tmp_path: Path, change: dict[str, Any]
) -> None:
    """In place of those before, in the same partition; no record stands twice, nothing stays in clear."""
    file = tmp_path / "orders.csv"
    file.write_text("id,zip,email\n" + "".join(f"{n},0{n},{n}@example.org\n" for n in range(20)))
    loader = {"type": "files", "format": "csv"}
    if "delimiter" in change.get("loader", {}):
        file.write_text("id;zip;email\n" + "".join(f"{n};0{n};{n}@example.org\n" for n in range(20)))
    first = land(database, tmp_path, file, loader=loader)
    partition = database.value("select partition_start from ops.loads")
    second = land(database, tmp_path, file, **{"loader": loader, **change})
    assert (first.status, second.status, second.rows_landed) == ("landed", "replaced", 20)
    assert second.reason is not None
    assert "says now" in second.reason
    assert database.query(STATES) == [("replaced",), ("landed",)]
    assert database.value("select partition_start from ops.loads where status = 'landed'") == partition
    assert len(records(database)) == database.value(f"select count(*) from {LANDED}") == 20
    assert land(database, tmp_path, file, **{"loader": loader, **change}).status == "unchanged"


@pytest.mark.parametrize(("created", "moves"), [("2020-01-01", True), ("2024-01-01", False)])
def test_records_that_begin_before_the_load_get_a_partition_that_covers_them(
    database: Database, tmp_path: Path, created: str, moves: bool
) -> None:
    """The one before is built again, and holds nothing; records that begin later keep the partition."""
    file = tmp_path / "orders.jsonl"
    times = {"updated_at": "2022-01-01T00:00:00Z", "created_at": f"{created}T00:00:00Z"}
    file.write_text(json.dumps({"id": 1, **times}) + "\n")
    land(database, tmp_path, file, loader={})
    partitions = "select load_id > 0, partition_start, contract_source from ops.current_loads order by 2"
    ((_, first, _),) = database.query(partitions)
    paths = [*PATHS, {"path": "created_at", "type": "timestamp"}]
    envelope = {"identity": "id", "kind": None, "time": "created_at"}
    assert land(database, tmp_path, file, loader={}, paths=paths, envelope=envelope).status == "replaced"
    found = database.query(partitions)
    assert found[-1] == (not moves, first, "orders")
    assert len(found) == 1 + moves
    assert found[0][1] <= database.value(f"select recorded_at from {LANDED}") or not moves
    assert database.value("select reaches_to from ops.loads where status = 'landed'").isoformat() == (
        f"{created}T01:00:00+00:00"
    )


def test_what_decides_on_nothing_leaves_records_alone(database: Database, tmp_path: Path) -> None:
    """Another path, a location, the format by another name: the same would land."""
    file = tmp_path / "orders.json"
    file.write_text(json.dumps(RECORDS))
    assert land(database, tmp_path, file, loader={}).status == "landed"
    paths = [*PATHS, {"path": "zip", "type": "string"}]
    loader = {"type": "files", "format": "jsonl", "location": "in/*"}
    assert land(database, tmp_path, file, loader=loader, paths=paths).status == "unchanged"


def test_land_again_on_demand(database: Database, tmp_path: Path) -> None:
    """Rows, rejects and repairs are there once; the ledger keeps both loads."""
    file = tmp_path / "orders.jsonl"
    file.write_text(
        "".join(json.dumps(record) + "\n" for record in RECORDS) + 'x\n{"id": 99, "t": "\\u0000"}\n'
    )
    assert land(database, tmp_path, file, loader={}).status == "landed"
    again = land(database, tmp_path, file, loader={}, again=True)
    assert (again.status, again.reason) == ("replaced", "same content, landed again as asked")
    assert database.query(STATES) == [("replaced",), ("landed",)]
    assert len(records(database)) == database.value(f"select count(*) from {LANDED}") == 21
    assert (
        database.query("select load_id from ops.rejects union all select load_id from ops.repairs")
        == [(again.load_id,)] * 2
    )


def test_hours_land_again_on_demand(database: Database, tmp_path: Path) -> None:
    """Through the command line, which says why."""
    hour = write_hour(tmp_path, as_lines([event(n) for n in range(5)]))
    database.headgate("land", "gharchive", hour)
    assert "unchanged" in database.headgate("land", "gharchive", hour).stdout
    said = database.headgate("land", "gharchive", hour, "--again").stdout
    assert "1 replaced: same content, landed again as asked" in said
    assert database.value("select count(*) from staging_gharchive.events") == 5


def test_the_same_bytes_for_another_extent_are_another_delivery(database: Database, tmp_path: Path) -> None:
    """A wrong end is put right: the first is discarded, as the refusal says, then the other one lands."""
    hour = write_hour(tmp_path, as_lines([event(n) for n in range(5)]))
    short, whole = ((f"2016-01-01T01/2016-01-01T0{end}", hour) for end in (2, 3))
    database.headgate("land", "gharchive", "--partition", *short)
    refused = database.headgate("land", "gharchive", "--partition", *whole, exit_code=1).stdout
    assert "headgate loads discard 1" in refused
    database.headgate("loads", "discard", "1", "--reason", "too short", "--yes")
    assert "loads restore 1" in database.headgate("land", "gharchive", "--partition", *short).stdout
    assert "1 written" in database.headgate("land", "gharchive", "--partition", *whole).stdout
    assert database.value("select count(distinct load_id) from staging_gharchive.events") == 2
    assert "unchanged" in database.headgate("land", "gharchive", "--partition", *whole).stdout


def test_loads_of_old_databases_are_left_alone_unless_nothing_landed(
    database: Database, tmp_path: Path
) -> None:
    """They do not say what they were read by; those of which nothing landed land again."""
    file = tmp_path / "orders.jsonl"
    file.write_text(json.dumps(RECORDS[0]) + "\n")
    assert land(database, tmp_path, file, loader={}).status == "landed"
    database.query("update ops.loads set declaration_sha256 = null")
    assert land(database, tmp_path, file, loader={}).status == "unchanged"
    database.query(
        "update ops.loads set declaration_sha256 = null, rows_landed = 0, rows_rejected = lines_read"
    )
    assert land(database, tmp_path, file, loader={}).status == "replaced"


@pytest.mark.parametrize("lines", ["x\n" * 370, "1\n", "id\n1\n2\n", '{"id": 1\n' * 3])
def test_a_file_of_rejects_only_has_not_landed(database: Database, tmp_path: Path, lines: str) -> None:
    """It fails as a file, says why its lines were rejected, and does not replace what landed."""
    file = tmp_path / "orders.jsonl"
    file.write_text(lines)
    failed = land(database, tmp_path, file, loader={})
    assert failed.status == "failed"
    assert failed.error is not None
    assert f"{number_of(lines.count(chr(10)), 'line')}, all rejected: " in failed.error["found"]
    assert database.query(STATES) == [("failed",)]
    assert database.value("select count(*) from ops.rejects") == 0


def test_an_hour_of_rejects_does_not_replace_what_landed(database: Database, tmp_path: Path) -> None:
    """The hour before it stays."""
    hour = write_hour(tmp_path / "a", as_lines([event(n) for n in range(5)]))
    broken = write_hour(tmp_path / "b", [b"x"] * 5)
    database.headgate("land", "gharchive", hour)
    assert "5 lines, all rejected" in database.headgate("land", "gharchive", broken, exit_code=1).stdout
    assert database.value("select count(*) from staging_gharchive.events") == 5


@pytest.mark.slow
def test_models_hold_once_what_landed_again_with_earlier_times(database: Database, tmp_path: Path) -> None:
    """Of the partition that it had before nothing is left, and every record is typed under the new one."""
    records = [
        {"id": n, "created_at": f"2021-01-01T00:{n:02d}:00Z", "updated_at": f"2022-01-01T00:{n:02d}:00Z"}
        for n in range(20)
    ]
    project = ProjectCopy.make(tmp_path / "project", database)
    NewFiles(
        project.folder, new_source(project.folder, "orders", infer(records, time="updated_at")).texts
    ).write()
    file = write_lines(tmp_path / "orders.jsonl", records)
    build = ("run", "--select", "+path:models/staging/orders")
    project.headgate("land", "orders", file)
    project.dbt("seed")
    project.dbt(*build)
    declared = "models/staging/orders/_orders__sources.yml"
    project.replace(declared, "time: updated_at", "time: created_at")
    assert "1 replaced" in project.headgate("land", "orders", file).stdout
    project.dbt(*build)
    starts = "select partition_start, count(*) from typed.stg_orders__records group by 1"
    ((start, count),) = database.query(starts)
    assert (f"{start:%Y}", count) == ("2020", 20)
    outcomes = "select status, typed_count, duplicates_count from typed.stg_orders__load_outcomes order by 1"
    assert database.query(outcomes) == [("landed", 20, 0), ("replaced", None, None)]
