"""Files of declared sources: CSV, JSON lines, JSON arrays and Parquet, packed or not, here or by URL."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import subprocess
import sys
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from headgate.errors import UsageError
from headgate.landing import LoadResult, land_files
from headgate.pipelines import declared_files
from headgate.settings import Settings
from headgate.sources.files import locations
from tests.integration.api_server import Reply, serving
from tests.small_project import declare, settings_for
from tests.support import Database, run

LANDED = "staging_orders.records"
PATHS = (
    {"path": "id", "type": "integer", "required": True},
    {"path": "updated_at", "type": "timestamp"},
    {"path": "email", "type": "string", "pii": "hmac"},
    {"path": "amount", "type": "number"},
    {"path": "is_paid", "type": "boolean"},
    {"path": "lines", "type": "array"},
)
RECORDS = [
    {
        "id": n,
        "updated_at": f"2026-01-01T00:00:{n % 60:02}Z",
        "email": f"{n}@example.org",
        "amount": n * 1.5,
        "is_paid": n % 2 == 0,
        "lines": [{"sku": 'a, "b" {[', "n": n}],
        "note": None if n % 3 else "two\nlines, and \u2028 ü",
    }
    for n in range(1200)
]


def settings_of(database: Database, folder: Path, **loader: Any) -> Settings:
    """Settings of a project that declares a source of files."""
    declared = {"type": "files", **loader} if loader else {}
    return settings_for(database.settings, declare(folder / "project", "orders", declared, paths=PATHS))


def as_csv(records: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    """Records as a spreadsheet writes them."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, delimiter=delimiter)
    writer.writerow(records[0])
    for record in records:
        fields = (json.dumps(v) if isinstance(v, list | bool) else v for v in record.values())
        writer.writerow("" if field is None else field for field in fields)
    return out.getvalue().encode()


def as_parquet(records: list[dict[str, Any]]) -> bytes:
    """Records in a Parquet file of several row groups."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(records), out, row_group_size=500)
    return out.getvalue()


def land(settings: Settings, *files: Path) -> list[LoadResult]:
    """Lands files on one connection."""
    return land_files(settings, "orders", files, connections=1)


def landed(database: Database) -> list[dict[str, Any]]:
    """The records that landed, in order, without what stands for personal data."""
    rows = database.query(f"select record - 'email' from {LANDED} order by load_id, line_number")
    return [record for (record,) in rows]


#: A file's name, and what it holds.
FORMATS = {
    "orders.csv": as_csv(RECORDS),
    "orders.tsv": as_csv(RECORDS, "\t"),
    "orders.csv.gz": gzip.compress(as_csv(RECORDS)),
    "orders.jsonl": "".join(json.dumps(record) + "\n" for record in RECORDS).encode(),
    "orders.json": json.dumps(RECORDS, indent=2).encode(),
    "orders.json.gz": gzip.compress(json.dumps(RECORDS).encode()),
    "orders.parquet": as_parquet(RECORDS),
}


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_lands_the_same_records_once(database: Database, tmp_path: Path, name: str) -> None:
    """Types are those of the contract; personal data is replaced; the same bytes land once."""
    settings = settings_of(database, tmp_path)
    file = tmp_path / name
    file.write_bytes(FORMATS[name])
    (result,) = land(settings, file)
    assert (result.status, result.rows_landed, result.rows_rejected) == ("landed", 1200, 0)
    expected = [{key: value for key, value in record.items() if key != "email"} for record in RECORDS]
    assert landed(database) == expected
    assert database.value(f"select count(distinct record ->> 'email') from {LANDED}") == 1200
    assert "@" not in str(database.query(f"select record ->> 'email' from {LANDED}"))
    assert database.value(f"select recorded_at from {LANDED} where record_id = '61'") == (
        datetime(2026, 1, 1, 0, 0, 1, tzinfo=UTC)
    )
    copy = file.rename(tmp_path / f"again-{name}")
    assert [result.status for result in land(settings, copy)] == ["unchanged"]


def test_fields_of_csv_get_the_declared_type_or_stay_as_they_are(database: Database, tmp_path: Path) -> None:
    """What does not fit stays text, for the contract to quarantine; digits are kept; empty is null."""
    rows = [
        "id,updated_at,amount,is_paid,lines,other",
        "007,2026-01-02,1.10,YES,[1],7",
        "+12345678901234567890123,2026-01-02 03:04:05+02:00,-.5,0,{},",
        "x,soon,1.2.3,maybe,[,x",
        "1.0,02/01/2026,1e400,,,",
    ]
    (tmp_path / "a.csv").write_text("\ufeff" + "\r\n".join(rows) + "\r\n")
    (result,) = land(settings_of(database, tmp_path), tmp_path / "a.csv")
    assert (result.rows_landed, result.rows_rejected) == (4, 0)
    texts = database.query(f"select record::text from {LANDED} order by line_number")
    found = [json.loads(text, parse_float=str, parse_int=str) for (text,) in texts]
    assert found[0] == {
        "id": "007",
        "updated_at": "2026-01-02T00:00:00Z",
        "amount": "1.10",
        "is_paid": True,
        "lines": ["1"],
        "other": "7",
    }
    assert (found[1]["id"], found[1]["amount"]) == ("+12345678901234567890123", "-0.5")
    assert (found[1]["updated_at"], found[1]["is_paid"]) == ("2026-01-02 03:04:05+02:00", False)
    assert (found[1]["lines"], found[1]["other"]) == ("{}", None)
    assert found[2] == {
        "id": "x",
        "updated_at": "soon",
        "amount": "1.2.3",
        "is_paid": "maybe",
        "lines": "[",
        "other": "x",
    }
    assert database.value(f"select record -> 'other' from {LANDED} where line_number = 1") == "7"
    assert (found[3]["id"], found[3]["updated_at"], found[3]["is_paid"]) == ("1.0", "02/01/2026", None)


def test_rows_that_do_not_fit_the_header_are_rejects(database: Database, tmp_path: Path) -> None:
    """They keep their place; as any field may be personal, none is kept in clear."""
    (tmp_path / "a.csv").write_text('id,email\n1,a@example.org\n2,b@example.org,Ann\n\n3\n4,"d\n@x"\n')
    (result,) = land(settings_of(database, tmp_path), tmp_path / "a.csv")
    assert (result.lines_read, result.rows_landed, result.rows_rejected) == (4, 2, 2)
    rejects = database.query(
        "select line_number, reason, convert_from(line, 'utf8') from ops.rejects order by 1"
    )
    assert [reject[:2] for reject in rejects] == [(2, "3 fields, 2 columns"), (3, "1 field, 2 columns")]
    assert "Ann" not in str(rejects)
    assert "example" not in str(rejects)


DAMAGED = [
    ("a.csv", b"", "an empty file"),
    ("a.csv", b'id,email\n1,"open\n2,b\n', "a row that is none"),
    ("a.csv", b"id,id\n1,2\n", "a name twice"),
    ("a.csv", b"id,,x\n1,2,3\n", "a column without a name"),
    ("a.csv", "id,email\n1,ü\n".encode("latin-1"), "other bytes"),
    ("a.csv", b"<html><body>not found</body></html>", "an HTML or XML page"),
    ("a.csv.gz", gzip.compress(as_csv(RECORDS))[:-2000], "ends early"),
    ("a.csv.gz", b"id,email\n", "a file that is not gzip"),
    ("a.json", b'[{"id": 1}, {"id": 2}', "ends early"),
    ("a.json", b'[{"id": 1}, {"id": "2', "ends early"),
    ("a.json", b'[{"id": 1}] {"id": 2}', "more behind its end"),
    ("a.json", b'[{"id": 1}]]', "more behind its end"),
    ("a.parquet", b"PAR1 nothing", "another file, or damaged data"),
    ("a.parquet", as_parquet(RECORDS)[:-500], "another file, or damaged data"),
    ("a.parquet", as_parquet(RECORDS)[:3000] + bytes(4000) + as_parquet(RECORDS)[7000:], "damaged data"),
]


@pytest.mark.parametrize(("name", "content", "expected"), DAMAGED, ids=[f"{d[0]}, {d[2]}" for d in DAMAGED])
def test_damaged_files_land_nothing(
    database: Database, tmp_path: Path, name: str, content: bytes, expected: str
) -> None:
    """The error says what was found; the ledger keeps it."""
    (tmp_path / name).write_bytes(content)
    (result,) = land(settings_of(database, tmp_path), tmp_path / name)
    assert result.status == "failed"
    assert result.error is not None
    assert expected in result.error["found"]
    assert database.value(f"select count(*) from {LANDED}") == 0
    assert database.query("select status from ops.loads") == [("failed",)]


def test_elements_that_are_no_records_are_rejects(database: Database, tmp_path: Path) -> None:
    """One bad element costs itself only, over the border of a block too."""
    long = "x" * 100_000 + '\\" ]'
    (tmp_path / "a.json").write_text(
        f'\n[{{"id": 1, "t": "{long}"}} , nan, [2], {{"id": 3,\n "t": "[\\\\"}},]'
    )
    (result,) = land(settings_of(database, tmp_path), tmp_path / "a.json")
    assert (result.rows_landed, result.rows_rejected) == (2, 2)
    assert landed(database)[1] == {"id": 3, "t": "[\\"}


def test_types_of_parquet_become_json(database: Database, tmp_path: Path) -> None:
    """Days and instants are ISO 8601 in UTC, decimals keep their digits, bytes are base64, NaN is text."""
    table = pyarrow.table(
        {
            "id": pyarrow.array([1], pyarrow.int64()),
            "updated_at": pyarrow.array([date(2026, 1, 2)]),
            "at": pyarrow.array(
                [datetime(2026, 1, 2, 3, 4, 5, 600000, UTC)], pyarrow.timestamp("us", "Europe/Paris")
            ),
            "fine": pyarrow.array([1_700_000_000_123_456_789], pyarrow.timestamp("ns")),
            "amount": pyarrow.array([Decimal("12345678901234567890.10")], pyarrow.decimal128(30, 2)),
            "raw": pyarrow.array([b"\x00\xff"]),
            "nothing": pyarrow.array([float("nan")]),
            "tags": pyarrow.array([[("a", 1)]], pyarrow.map_(pyarrow.string(), pyarrow.int32())),
            "inner": pyarrow.array([{"days": [date(2026, 1, 3)]}]),
        }
    )
    pyarrow.parquet.write_table(table, tmp_path / "a.pq")
    land(settings_of(database, tmp_path), tmp_path / "a.pq")
    found = json.loads(database.value(f"select record::text from {LANDED}"), parse_float=str)
    assert found == {
        "id": 1,
        "updated_at": "2026-01-02T00:00:00Z",
        "at": "2026-01-02T03:04:05.600000Z",
        "fine": "2023-11-14T22:13:20.123456789Z",
        "amount": "12345678901234567890.10",
        "raw": "AP8=",
        "nothing": "NaN",
        "tags": {"a": 1},
        "inner": {"days": ["2026-01-03"]},
    }


def test_files_by_url_show_no_credentials(database: Database, tmp_path: Path) -> None:
    """A URL names its format by its path; its query is neither kept in the ledger nor shown."""
    content = gzip.compress(as_csv(RECORDS, ";"))

    def answer(request: Any) -> Reply:
        missing = "secret" not in request.params.get("sig", "") or request.path != "/a/orders.csv.gz"
        return Reply(status=404) if missing else Reply(content)

    with serving(answer) as api:
        place = f"{api.url}/a/orders.csv.gz?sig=secret"
        settings = settings_of(
            database, tmp_path, location=[place, f"{api.url}/b/orders.csv.gz?sig=secret"], delimiter=";"
        )
        done = run("headgate", "land", "orders", env=database.env, cwd=settings.project_dir, exit_code=1)
        again = run("headgate", "land", "orders", place, "--json", env=database.env, cwd=settings.project_dir)
    assert "1 written" in done.stdout
    assert "HTTP status 404" in done.stdout
    assert '"status": "unchanged"' in again.stdout
    said = done.stdout + done.stderr + again.stdout + str(database.query("select uri, error from ops.loads"))
    assert "secret" not in said
    assert f"{api.url}/a/orders.csv.gz" in said
    assert database.value(f"select count(*) from {LANDED}") == 1200


def test_a_location_is_a_pattern(database: Database, tmp_path: Path) -> None:
    """`headgate land NAME` lands every file there; none at all is an error that names the place."""
    settings = settings_of(database, tmp_path, location="data/**/*.dat", format="csv", encoding="latin-1")
    with pytest.raises(UsageError, match=r"at least one at .*data"):
        locations(settings, "orders")
    for number in range(3):
        folder = settings.project_dir / "data" / str(number)
        folder.mkdir(parents=True)
        (folder / "a.dat").write_bytes(f"id,name\n{number},ü\n".encode("latin-1"))
    run("headgate", "land", "orders", env=database.env, cwd=settings.project_dir)
    assert sorted(record["id"] for record in landed(database)) == [0, 1, 2]
    assert {record["name"] for record in landed(database)} == {"ü"}


@pytest.mark.parametrize("location", ["in/*/x.csv", "in/**/*.csv", ["in/nothing/*.csv", "in/?/x.csv"]])
def test_a_pipeline_finds_the_files_that_the_command_line_finds(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, location: str | list[str]
) -> None:
    """Folders of a pattern may be patterns too; the oldest file is first."""
    settings = settings_of(database, tmp_path, location=location)
    for age, folder in enumerate("ab"):
        file = settings.project_dir / "in" / folder / "x.csv"
        file.parent.mkdir(parents=True)
        file.write_text(f"id\n{age}\n")
        os.utime(file, (1e9 - age, 1e9 - age))
    monkeypatch.setattr(declared_files, "load_settings", lambda: settings)
    monkeypatch.chdir(settings.project_dir)
    outcome = declared_files.land("orders")
    assert [load["status"] for load in outcome["loads"]] == ["landed", "landed"]
    assert [Path(load["uri"]).parent.name for load in outcome["loads"]] == ["b", "a"]


def test_a_json_cell_of_several_lines_is_one_value(database: Database, tmp_path: Path) -> None:
    """As a spreadsheet keeps indented JSON; also beside a value that lands only digit by digit."""
    cell = json.dumps([{"sku": "a\nb", "n": 1}], indent=2).replace('"', '""')
    text = f'id,amount,lines\n1,2,"{cell}"\n2,1e400,"{cell}"\n3,4,"[5,\r\n6]"\n4,5\n5,6,"[\n]"\n'
    (tmp_path / "a.csv").write_bytes(text.encode())
    (result,) = land(settings_of(database, tmp_path), tmp_path / "a.csv")
    assert (result.lines_read, result.rows_landed, result.rows_rejected) == (5, 4, 1)
    found = database.query(f"select line_number, record_id, record -> 'lines' from {LANDED} order by 1")
    lines = [{"sku": "a\nb", "n": 1}]
    assert found == [(1, "1", lines), (2, "2", lines), (3, "3", [5, 6]), (5, "5", [])]


# It is the memory of the process that lands: the server's kind has no part in it.
@pytest.mark.costly
@pytest.mark.parametrize("server", ["embedded"], indirect=True)
@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.parquet"])
def test_memory_does_not_grow_with_the_file(database: Database, tmp_path: Path, name: str) -> None:
    """Five times the file takes no more memory."""
    write = {"a.csv": as_csv, "a.json": lambda r: json.dumps(r).encode(), "a.parquet": as_parquet}[name]
    settings = settings_of(database, tmp_path)
    peaks = []
    for times in (5, 25):
        file = tmp_path / str(times) / name
        file.parent.mkdir()
        file.write_bytes(write([{**record, "pad": "x" * 800 + str(times)} for record in RECORDS * times]))
        peaks.append(_peak(database, settings, file))
    # Kilobytes; the larger file is some 25 MB larger.
    assert peaks[1] - peaks[0] < 12_000


def _peak(database: Database, settings: Settings, file: Path) -> int:
    """Kilobytes that the landing process held at most."""
    code = (
        "import resource, sys; from pathlib import Path\n"
        "from headgate.landing import land_files; from headgate.settings import load_settings\n"
        "(result,) = land_files(load_settings(), 'orders', [Path(sys.argv[1])])\n"
        "assert result.status == 'landed', result\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, file],
        env=database.env,
        cwd=settings.project_dir,
        capture_output=True,
        text=True,
        check=True,
    )
    return int(done.stdout)
