"""Files are read for what they are, in any encoding and layout; what is something else is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from headgate.errors import HeadgateError
from headgate.scaffold.sample import read_sample
from headgate.sources.loaders import Files
from tests.reading import read_file

RECORDS = [{"id": n, "created_at": f"2026-01-01T00:0{n}:00Z", "v": {"t": "ü, [{\n"}} for n in range(3)]
LINES = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in RECORDS)
PRETTY = "\n".join(json.dumps(record, indent=1, ensure_ascii=False) for record in RECORDS)
ARRAY = json.dumps(RECORDS, ensure_ascii=False)
WRAPPED = json.dumps({"data": RECORDS, "next": None}, indent=2)

#: What a file holds, all of the same records.
LAYOUTS = {
    "lines": LINES,
    "lines that end in carriage returns": LINES.replace("\n", "\r\n"),
    "array": ARRAY,
    "array over lines": json.dumps(RECORDS, indent=2),
    "array that begins late": f"\n \t{ARRAY}",
    "objects over lines": PRETTY,
    "objects over lines, pressed together": PRETTY.replace("\n}\n{", "\n}{"),
    "text sequence": "".join(f"\x1e{json.dumps(record)}\n" for record in RECORDS),
    "wrapped": WRAPPED,
    "wrapped on one line": json.dumps({"meta": {"count": 3, "tags": ["id"]}, "results": RECORDS}),
    "wrapped twice": json.dumps({"response": {"ok": True, "items": RECORDS}}),
    "wrapped page by page": "\n".join(json.dumps({"n": 1, "rows": [record]}, indent=1) for record in RECORDS),
}
ENCODINGS = ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"]


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.json.gz"])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_json_is_read_however_records_stand(tmp_path: Path, name: str, layout: str) -> None:
    """The same records land, and `headgate new source` reads the same, whatever the file is called."""
    file = written(tmp_path / name, LAYOUTS[layout].encode())
    assert read_file(file).records == RECORDS
    assert read_sample(file).records == RECORDS


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("layout", ["lines", "array", "wrapped"])
def test_unicode_is_read_in_every_form(tmp_path: Path, layout: str, encoding: str) -> None:
    """With or without a mark of the byte order; the first record is there, too."""
    file = written(tmp_path / "a.json", LAYOUTS[layout].encode(encoding))
    assert read_file(file).records == RECORDS
    assert read_sample(file).records == RECORDS


@pytest.mark.parametrize("encoding", [*ENCODINGS, "latin-1", "cp1252"])
def test_encodings_of_csv(tmp_path: Path, encoding: str) -> None:
    """Unicode is found, others are declared."""
    file = written(tmp_path / "a.csv", "id,v\n1,ü\n2,é\n".encode(encoding))
    declared = Files(encoding=encoding if "utf" not in encoding else "utf-8")
    expected = [{"id": 1, "v": "ü"}, {"id": 2, "v": "é"}]
    assert read_file(file, declared).records == expected
    assert read_sample(file, declared=declared).records == expected


@pytest.mark.parametrize("read", [read_file, read_sample])
def test_other_encodings_say_what_to_declare(tmp_path: Path, read: Callable[[Path], Any]) -> None:
    """Latin-1 that nobody declared is refused, not guessed."""
    file = written(tmp_path / "a.csv", "id,v\n1,ü\n".encode("latin-1"))
    with pytest.raises(HeadgateError) as refused:
        read(file)
    assert "utf-8" in refused.value.expected
    assert "latin-1" in refused.value.next_step


def test_large_files_are_cut_where_records_end(tmp_path: Path) -> None:
    """Over the borders of blocks, in every layout and in UTF-16."""
    records = [{"id": n, "v": "x" * (n % 977) + '\\" }]'} for n in range(2000)]
    for name, text in (
        ("lines", "\n".join(json.dumps(record) for record in records)),
        ("pretty", "\n".join(json.dumps(record, indent=2) for record in records)),
        ("wrapped", json.dumps({"count": 2000, "data": records})),
    ):
        for encoding in ("utf-8", "utf-16"):
            file = written(tmp_path / f"{name}.{encoding}.json", text.encode(encoding))
            assert read_file(file).records == records, (name, encoding)


def test_what_is_no_wrapper_is_a_record(tmp_path: Path) -> None:
    """An object with a key of the contract is a record, whatever lists it holds."""
    record = {"id": 1, "data": [{"id": 2}, {"id": 3}]}
    assert read_file(written(tmp_path / "a.json", json.dumps(record, indent=1).encode())).records == [record]
    assert read_file(written(tmp_path / "b.json", json.dumps(record).encode())).records == [record]


@pytest.mark.parametrize("key", ["items", "events", "data"])
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("count", [1, 60])
def test_records_that_hold_an_array_are_no_wrappers(
    tmp_path: Path, key: str, indent: int | None, count: int
) -> None:
    """An order with its items lands whole: what stands beside a wrapped array would be dropped."""
    orders = [{"id": n, "created_at": "2026-01-01T00:00:00Z", key: [{"price": n}]} for n in range(count)]
    file = written(
        tmp_path / "a.json", "\n".join(json.dumps(order, indent=indent) for order in orders).encode()
    )
    sample = read_sample(file)
    assert sample.records == orders
    assert "records" not in sample.loader


def test_lines_without_an_identity_are_records_too(tmp_path: Path) -> None:
    """Each line says something of its own beside its array."""
    lines = [{"user": f"u{n}", "events": [{"at": n}]} for n in range(3)]
    file = written(tmp_path / "a.jsonl", "\n".join(map(json.dumps, lines)).encode())
    assert read_sample(file).records == lines


def test_a_wrapper_is_declared_where_it_is_not_certain(tmp_path: Path) -> None:
    """Two arrays that may be records are refused by name; `records` says which it is."""
    text = json.dumps({"new": [{"id": 1}], "old": [{"id": 2}]}).encode()
    file = written(tmp_path / "a.json", text)
    with pytest.raises(HeadgateError, match="new, old"):
        read_file(file)
    assert read_file(file, Files(records=("old",))).records == [{"id": 2}]
    with pytest.raises(HeadgateError, match="one without"):
        read_file(file, Files(records=("older",)))


def test_lines_of_which_the_first_is_damaged_stay_lines(tmp_path: Path) -> None:
    """One bad line costs itself."""
    for damaged in ('{"id": 1, "v', "[1]", "x", '{"id":'):
        file = written(tmp_path / "a.jsonl", f"{damaged}\n{LINES}".encode())
        found = read_file(file)
        assert (found.records, found.rejects) == (RECORDS, 1), damaged


def archive() -> bytes:
    """A zip archive."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        packed.writestr("a.json", ARRAY)
    return out.getvalue()


def tape() -> bytes:
    """A tar archive."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as packed:
        member = tarfile.TarInfo("a.json")
        member.size = len(ARRAY.encode())
        packed.addfile(member, io.BytesIO(ARRAY.encode()))
    return out.getvalue()


def parquet() -> bytes:
    """A Parquet file."""
    out = io.BytesIO()
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([{"id": 1}]), out)
    return out.getvalue()


OTHERS = {
    "Parquet": parquet(),
    "zip": archive(),
    "tar": tape(),
    "xz": lzma.compress(LINES.encode()),
    "bzip2": bz2.compress(LINES.encode()),
    "gzip inside gzip": gzip.compress(gzip.compress(LINES.encode())),
    "HTML": b"\xef\xbb\xbf<!DOCTYPE html><p>busy</p>",
    "PDF": b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\x00",
}


@pytest.mark.parametrize("declared", ["csv", "json", "jsonl"])
@pytest.mark.parametrize("kind", OTHERS)
def test_files_of_another_kind_are_refused(tmp_path: Path, kind: str, declared: str) -> None:
    """As a file, with what it is and what to do; landing and the sample alike."""
    file = written(tmp_path / "a.dat", OTHERS[kind])
    as_declared = Files(declared)
    for read in (lambda: read_file(file, as_declared), lambda: read_sample(file, declared=as_declared)):
        with pytest.raises(HeadgateError) as refused:
            read()
        assert kind in refused.value.found
        assert refused.value.next_step


@pytest.mark.parametrize(("declared", "content"), [("csv", LINES), ("csv", PRETTY), ("parquet", LINES)])
def test_json_is_no_other_format(tmp_path: Path, declared: str, content: str) -> None:
    """JSON where CSV or Parquet was declared is refused."""
    file = written(tmp_path / "a.dat", content.encode())
    with pytest.raises(HeadgateError, match="correct the file, or `format`"):
        read_file(file, Files(declared))


def test_a_format_that_nobody_said_is_that_of_the_content(tmp_path: Path) -> None:
    """Neither declared nor in the name: Parquet and CSV are found."""
    assert read_file(written(tmp_path / "a.dat", parquet())).records == [{"id": 1}]
    assert read_file(written(tmp_path / "b.txt", b"id;v\n1;x\n")).records == [{"id": 1, "v": "x"}]
    assert read_file(written(tmp_path / "c.txt", LINES.encode())).records == RECORDS


@pytest.mark.parametrize("name", ["a.csv.gz", "a.jsonl.gz", "a.json.gz"])
def test_damaged_gzip_of_a_sample_is_a_message(tmp_path: Path, name: str) -> None:
    """Cut off, or with other bytes in it, or none at all."""
    sound = gzip.compress("".join(f"{n},{n * n}\n" for n in range(5000)).encode())
    for content in (sound[:-200], sound[:2000] + bytes(2000) + sound[4000:], b"id,v\n1,2\n", b""):
        with pytest.raises(HeadgateError, match=r"sample .* expected"):
            read_sample(written(tmp_path / name, content))


def written(file: Path, content: bytes) -> Path:
    """A file of these bytes; packed where its name says so, unless they are packed or none."""
    packed = file.suffix == ".gz" and "json" in file.name and content[:1] in (b"{", b"[", b"\n", b"\x1e")
    file.write_bytes(gzip.compress(content) if packed else content)
    return file


@pytest.mark.parametrize(
    "beside",
    [
        {"order_id": 7},
        {"orderNumber": "A-7", "total": 12.5},
        {"customer": "Ann", "count": 2},
        {"invoice": "I-1", "status": "paid"},
        {"date": "2026-01-01"},
    ],
)
@pytest.mark.parametrize("key", ["items", "entries", "data"])
@pytest.mark.parametrize("indent", [None, 1])
def test_one_object_that_says_something_of_its_own_is_a_record(
    tmp_path: Path, beside: dict[str, Any], key: str, indent: int | None
) -> None:
    """An order over several lines is not unwrapped into its items: what stands beside them would be lost."""
    order = {**beside, key: [{"sku": "a", "price": 1}, {"sku": "b", "price": 2}]}
    assert read_sample(written(tmp_path / "a.json", json.dumps(order, indent=indent).encode())).records == [
        order
    ]


@pytest.mark.parametrize(
    "beside",
    [
        {"count": 3, "next": None, "previous": None},
        {"object": "list", "has_more": False, "url": "/v1"},
        {"page": 1, "per_page": 20, "total_pages": 1},
        {"status": "ok", "request_id": "x", "nextPageToken": "t"},
        {"type": "FeatureCollection"},
    ],
)
def test_answers_that_tell_of_their_list_only_are_wrappers(tmp_path: Path, beside: dict[str, Any]) -> None:
    """Page, count, status, link: nothing of that belongs to a record."""
    file = written(tmp_path / "a.json", json.dumps({**beside, "data": RECORDS}, indent=1).encode())
    assert read_sample(file).records == RECORDS


@pytest.mark.parametrize(
    ("text", "delimiter"),
    [
        ("id,v\n1,a\n2,b\n", "commas"),
        ("id;v\n1;a\n2;b\n", "semicolons"),
        ('"id"\t"v"\n"1"\t"{a}"\n', "tabs"),
        ("id|v\r\n1|a\r\n", "bars"),
    ],
)
@pytest.mark.parametrize("declared", ["json", "jsonl", None])
def test_csv_where_json_was_expected_is_refused_as_what_it_is(
    tmp_path: Path, text: str, delimiter: str, declared: str | None
) -> None:
    """By declaration or by name; not as thousands of lines that are no JSON."""
    file = written(tmp_path / "a.jsonl", text.encode())
    with pytest.raises(HeadgateError, match=f"expected JSON; found CSV with {delimiter} between"):
        read_file(file, Files(format=declared))


def test_a_list_of_fixed_size_that_is_null_is_named(tmp_path: Path) -> None:
    """Arrow writes such files and cannot read them: they are not damaged."""
    kind = pyarrow.list_(pyarrow.int32(), 2)
    table = pyarrow.table({"id": [1, 2], "v": pyarrow.array([[1, 2], None], kind)})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    with pytest.raises(HeadgateError, match=r"a list of fixed size that is null.*list of any size"):
        read_file(tmp_path / "a.parquet")
    whole = pyarrow.table({"id": [1, 2], "v": pyarrow.array([[1, 2], [3, None]], kind)})
    pyarrow.parquet.write_table(whole, tmp_path / "b.parquet")
    assert [record["v"] for record in read_file(tmp_path / "b.parquet").records] == [[1, 2], [3, None]]
