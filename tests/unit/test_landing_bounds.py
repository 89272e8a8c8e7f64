"""Files that would cost memory without end, hang, or have the machine's faults counted as a record's."""

from __future__ import annotations

import gzip
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.parquet
import pytest

from headgate.errors import HeadgateError, UsageError
from headgate.landing import content, csv_content
from headgate.landing.parquet_content import rows_at_once
from headgate.scaffold.sample import read_sample
from headgate.sources.base import whole_path
from headgate.sources.loaders import Files
from headgate_github.archive import GHARCHIVE
from tests.reading import read_file

LIMIT = 1 << 20


@pytest.fixture
def short_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """A limit of lines that is reached sooner."""
    for module in (content, csv_content):
        monkeypatch.setattr(module, "LINE_LIMIT", LIMIT)
    monkeypatch.setattr("headgate.landing.json_content.LINE_LIMIT", LIMIT)


@pytest.fixture
def unpacked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many bytes of files were unpacked."""
    count, read = [0], content.read

    def counted(path: Path, plain: BinaryIO) -> bytes:
        found = read(path, plain)
        count[0] += len(found)
        return found

    monkeypatch.setattr(content, "read", counted)
    return count


@pytest.mark.parametrize(
    ("name", "start", "more"),
    [
        ("a.csv", b"id,v\n1,", b"x" * 65536),
        ("a.csv", b"id,v\n1,", b"x," * 32768),
        ("a.csv", b"id,v\n1", b',"\n"' * 16384),
        ("a.csv", b'id,v\n1,"', b"x\n" * 32768),
        ("a.csv", b"", b"id," * 22000),
        ("a.json", b'{"id": "', b"x" * 65536),
        ("a.json", b'[{"id": [', b"[]," * 22000),
        ("a.json", b'{"id": [\n', b"[],\n" * 16384),
        ("a.json", b'{"data": [{"id": [', b'"x",' * 16384),
    ],
)
@pytest.mark.usefixtures("short_lines")
def test_records_without_end_are_refused(
    tmp_path: Path, name: str, start: bytes, more: bytes, unpacked: list[int]
) -> None:
    """A small gzip file that unpacks to 20 MB of one row, field or value: it is left near the limit."""
    file = tmp_path / f"{name}.gz"
    with gzip.open(file, "wb", compresslevel=1) as out:
        out.write(start)
        for _ in range(320):
            out.write(more)
    with pytest.raises(HeadgateError):
        read_file(file, Files(format=name[2:]), types={"id": "any"})
    assert unpacked[0] < 8 * LIMIT, "the file was read much further than a record may be long"


@pytest.mark.parametrize("kind", ["text", "dictionary", "list"])
@pytest.mark.usefixtures("short_lines")
def test_a_long_text_that_every_row_names_takes_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """A Parquet file of some kilobytes whose rows would take gigabytes: refused before they do."""
    monkeypatch.setattr("headgate.landing.parquet_content.MOST_BYTES", 64 << 20)
    monkeypatch.setattr("headgate.landing.parquet_content.LINE_LIMIT", LIMIT)
    named = pa.array([0] * 5_000, pa.int32())
    texts: pa.Array = pa.DictionaryArray.from_arrays(named, pa.array(["x" * (6 * LIMIT)]))
    if kind == "list":
        texts = pa.ListArray.from_arrays(pa.array(range(0, 5_001, 10)), texts)
    file = tmp_path / "a.parquet"
    table = pa.table({"id": pa.array(range(len(texts))), "v": texts})
    pyarrow.parquet.write_table(table, file, compression="zstd", store_schema=kind != "text")
    assert file.stat().st_size < 64 << 10
    with pytest.raises(
        HeadgateError, match="rows that unpack to little" if kind == "text" else "a row longer"
    ):
        read_file(file, types={"id": "any", "v": "any"})


def test_large_rows_of_parquet_are_read_in_small_parts(tmp_path: Path) -> None:
    """As many as fit, one at least; all of them."""
    table = pa.table({"id": pa.array(range(40)), "v": pa.array(["x" * LIMIT] * 40)})
    pyarrow.parquet.write_table(table, tmp_path / "a.parquet")
    assert rows_at_once(pyarrow.parquet.read_metadata(tmp_path / "a.parquet")) < 500
    assert len(read_file(tmp_path / "a.parquet", types={"id": "any", "v": "any"}).texts) == 40


def test_what_a_shell_writes_for_a_pipe_is_told() -> None:
    """`headgate land orders <(zcat old.gz)` names /dev/fd/63, a link to a pipe, which has no path."""
    reading, writing = os.pipe()
    try:
        with pytest.raises(UsageError, match="found a pipe"):
            whole_path(Path(f"/dev/fd/{reading}"))
    finally:
        os.close(reading)
        os.close(writing)


def test_what_is_no_file_is_refused_at_once(tmp_path: Path) -> None:
    """Pipes, devices, sockets and folders: named, linked to, as a delivery and as a sample."""
    os.mkfifo(tmp_path / "2012-03-05-1.json")
    (tmp_path / "link.json").symlink_to(tmp_path / "2012-03-05-1.json")
    (tmp_path / "zero.json").symlink_to("/dev/zero")
    (tmp_path / "folder.json").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "s.json"))
    kinds = {
        "2012-03-05-1": "a pipe",
        "link": "a pipe",
        "zero": "a device",
        "folder": "a folder",
        "s": "a socket",
    }

    def read_all() -> None:
        for name, kind in kinds.items():
            with pytest.raises(HeadgateError, match=kind):
                read_file(tmp_path / f"{name}.json")
            with pytest.raises(HeadgateError, match="expected a file"):
                read_sample(tmp_path / f"{name}.json")
        # An hour of the days in which the first record decides what its name means.
        GHARCHIVE.delivery(tmp_path / "2012-03-05-1.json")
        done.append(True)

    done: list[bool] = []
    thread = threading.Thread(target=read_all, daemon=True)
    thread.start()
    thread.join(20)
    listener.close()
    assert done, "reading hangs, or failed"


PROGRAM = """
import resource, sys
from pathlib import Path
from tests.reading import read_file
import pyarrow.parquet, headgate.landing.parquet_content, headgate.landing.csv_content
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + int(sys.argv[2]),) * 2)
try:
    found = read_file(Path(sys.argv[1]), types={"id": "any", "v": "any"})
    print(len(found.texts), found.rejects)
except (MemoryError, SystemError):
    print("no memory")
"""


@pytest.mark.parametrize("inner", [b"[]", b"1e400", b'"\\u0000"'])
@pytest.mark.parametrize("head", [b'{"id":0}\n', b""])
def test_a_failing_allocation_rejects_nothing(tmp_path: Path, head: bytes, inner: bytes) -> None:
    """However little memory there is: all lands, or the load fails and can be repeated."""
    file = tmp_path / "a.json"
    file.write_bytes(head + b'{"id":1,"v":[' + b",".join([inner] * 300_000) + b"]}\n")
    outcomes = [_read_with(file, megabytes) for megabytes in (8, 72, 1500)]
    assert set(outcomes) <= {"no memory", f"{1 + bool(head)} 0"}, outcomes
    assert "no memory" in outcomes
    assert outcomes[-1] != "no memory"


def _read_with(file: Path, megabytes: int) -> str:
    command = [sys.executable, "-c", PROGRAM, str(file), str(megabytes << 20)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    # orjson aborts where it cannot go on: the parent counts a process that dies as a failed load.
    return done.stdout.strip() if done.returncode == 0 else "no memory"
