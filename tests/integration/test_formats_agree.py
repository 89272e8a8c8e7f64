"""The same records give equal typed rows, whichever way they come; a source's share of rejects is a gate."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from headgate.landing import land_files
from headgate.pulling import pull
from headgate.settings import Settings
from tests.integration.api_server import Reply, serving
from tests.project_copy import ProjectCopy
from tests.small_project import settings_for
from tests.support import Database

COUNT = 12
#: Where the ids of each way begin.
WAYS = {
    name: 100 * number for number, name in enumerate(("jsonl", "json", "csv", "parquet", "rest", "table"))
}
SOURCES = "models/staging/agreed/_agreed__sources.yml"


def records(first: int) -> list[dict[str, Any]]:
    """Records of every type, with nulls and with what formats like to change."""
    return [
        {
            "id": first + n,
            "created_at": f"2026-01-01T00:00:{n:02}Z",
            "code": f"00{n}",
            "amount": n * 1.25,
            "count": n * 10**12,
            "is_paid": n % 2 == 0,
            "note": None if n % 3 == 0 else f'two\nlines, "ü" \u2028 ; {n}',
            "tags": [f"t{n}", 'a, "b"'],
            "place": {"city": "Zürich", "at": {"lat": n + 0.5}},
        }
        for n in range(COUNT)
    ]


def as_csv(rows: list[dict[str, Any]]) -> bytes:
    """Records as a spreadsheet writes them."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=";")
    writer.writerow(rows[0])
    for row in rows:
        fields = (json.dumps(v) if isinstance(v, list | dict | bool) else v for v in row.values())
        writer.writerow("" if field is None else field for field in fields)
    return out.getvalue().encode("utf-16")


def as_parquet(rows: list[dict[str, Any]]) -> bytes:
    """Records as a table of types."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), out)
    return out.getvalue()


WRITERS = {
    "jsonl": lambda rows: "".join(json.dumps(row) + "\n" for row in rows).encode("utf-8-sig"),
    "json": lambda rows: json.dumps({"data": rows}, indent=2).encode(),
    "csv": as_csv,
    "parquet": as_parquet,
}


@pytest.fixture(scope="module")
def project(
    module_database: Database,
    tmp_path_factory: pytest.TempPathFactory,
    module_monkeypatch: pytest.MonkeyPatch,
) -> ProjectCopy:
    """A source from a sample, which its records reached in every way, built."""
    made = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    (made.folder / "profiles.yml").write_text((made.folder / "profiles.example.yml").read_text())
    sample = made.folder / "sample.jsonl"
    sample.write_bytes(WRITERS["jsonl"](records(10_000)))
    made.headgate("new", "source", "agreed", "--sample", sample)
    settings = settings_for(module_database.settings, made.folder)
    land_in_files(made, settings)
    land_from_endpoint(made, settings)
    module_monkeypatch.setenv("OTHER_DSN", module_database.dsn)
    land_from_table(made, settings)
    build(made)
    return made


@pytest.fixture(scope="module")
def module_monkeypatch() -> Any:
    """Environment of a module."""
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def declare(project: ProjectCopy, loader: dict[str, Any]) -> None:
    """Says where records come from."""
    with project.edit_yaml(SOURCES) as document:
        document["sources"][0]["tables"][0]["config"]["meta"]["loader"] = loader


def land_in_files(project: ProjectCopy, settings: Settings) -> None:
    """JSON lines with a mark, wrapped JSON over lines, CSV with semicolons in UTF-16, Parquet."""
    declare(project, {"type": "files"})
    files = []
    for name, write in WRITERS.items():
        files.append(project.folder / f"records.{name}")
        files[-1].write_bytes(write(records(WAYS[name])))
    results = land_files(settings, "agreed", files, connections=1)
    assert [(result.status, result.rows_landed) for result in results] == [("landed", COUNT)] * len(files)


def land_from_endpoint(project: ProjectCopy, settings: Settings) -> None:
    """Two pages of a REST endpoint."""
    rows = records(WAYS["rest"])
    with serving(lambda request: Reply({"items": page_of(rows, int(request.params["page"]))})) as api:
        pagination = {"style": "page", "size": 6}
        loader = {"type": "http_json", "url": f"{api.url}/r", "records": "items", "pagination": pagination}
        declare(project, loader)
        assert asyncio.run(pull(settings, "agreed", lambda _: None)).rows.landed == COUNT


def page_of(rows: list[dict[str, Any]], number: int) -> list[dict[str, Any]]:
    """A page of six."""
    return rows[6 * (number - 1) : 6 * number]


def land_from_table(project: ProjectCopy, settings: Settings) -> None:
    """Rows of a table of another database; here it is the same one."""
    database = project.database
    database.query(
        "create table public.other (id bigint primary key, at timestamptz default now(), record jsonb)"
    )
    database.query(
        "insert into public.other (id, record)"
        " select (r ->> 'id')::bigint, r from jsonb_array_elements(%s) as r",
        json.dumps(records(WAYS["table"])),
    )
    loader = {"type": "postgres_jsonb", "dsn_env": "OTHER_DSN", "table": "public.other", "record": "record"}
    declare(project, {**loader, "key": "id", "cursor": "at"})
    assert asyncio.run(pull(settings, "agreed", lambda _: None)).rows.landed == COUNT


def build(project: ProjectCopy, exit_code: int = 0) -> str:
    """Builds the source with its gates and unit tests."""
    options = ("--no-partial-parse", "--indirect-selection", "buildable")
    select = ("--select", "+path:models/staging/agreed")
    return project.run("dbt", "build", *options, *select, exit_code=exit_code).stdout


@pytest.mark.costly
def test_typed_rows_are_equal_whichever_way_they_came(project: ProjectCopy) -> None:
    """All columns but those that say which load and line a row is of; landed JSON too."""
    database = project.database
    assert database.value("select count(*) from typed.stg_agreed__quarantine") == 0
    typed = database.query(
        "select record_id::integer / 100, record_id::integer % 100,"
        " to_jsonb(r) - '{record_id,partition_start,line_number}'::text[]"
        " from typed.stg_agreed__records as r order by 1, 2"
    )
    landed = database.query(
        "select (record ->> 'id')::integer / 100, (record ->> 'id')::integer % 100, (record - 'id')::text"
        " from staging_agreed.records order by 1, 2"
    )
    for rows in (typed, landed):
        by_way = [[row[1:] for row in rows if row[0] == number] for number in range(len(WAYS))]
        assert len(by_way[0]) == COUNT
        for name, found in zip(WAYS, by_way, strict=True):
            assert found == by_way[0], name


@pytest.mark.slow
def test_a_share_of_rejects_stops_the_build(project: ProjectCopy, tmp_path: Path) -> None:
    """More than a tenth of the lines, and five at least; a load that was certified passes again."""
    settings = settings_for(project.database.settings, project.folder)
    declare(project, {"type": "files"})
    lines = [json.dumps(record) for record in records(5000)]
    file = tmp_path / "some.jsonl"
    file.write_text("\n".join([*lines, *["x"] * 4]))
    land_files(settings, "agreed", [file], connections=1)
    build(project)
    file.write_text("\n".join([*lines, *["y"] * 5]))
    land_files(settings, "agreed", [file], connections=1)
    assert "agreed_rejects_stay_small" in build(project, exit_code=1)
    assert project.database.query("select rows_rejected from gate_failures.agreed_rejects_stay_small") == [
        (5,)
    ]
    project.replace("seeds/gate_thresholds.csv", "rejected_share,5,0.1", "rejected_share,5,0.5")
    build(project)
    project.replace("seeds/gate_thresholds.csv", "rejected_share,5,0.5", "rejected_share,5,0.1")
    build(project)
