"""Hours in shuffled order, one of them delivered twice, end in the tables of one run over all of them."""

from __future__ import annotations

import gzip
import random
import re
from pathlib import Path

import pytest

from headgate_github.synth.traps import TRAPS
from tests.acceptance.hours import REAL, generated, hours_from, needs_real_hours
from tests.acceptance.runs import build, contents, from_scratch
from tests.acceptance.tables import differences
from tests.support import Database, Databases

#: The order is that of partitions and versions, which servers do not differ in.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("server", ["system"], indirect=True),
]


def earlier_delivery(file: Path, folder: Path) -> Path:
    """The hour as it came first: other addresses, and some lines not yet there."""
    lines = gzip.decompress(file.read_bytes()).split(b"\n")
    kept = [line for number, line in enumerate(lines) if number % 400 != 3]
    changed = re.sub(rb'"email":"[^"]*"', b'"email":"somebody@example.org"', b"\n".join(kept))
    folder.mkdir(exist_ok=True)
    delivered = folder / file.name
    delivered.write_bytes(gzip.compress(changed, 1))
    return delivered


@pytest.mark.real_data
@needs_real_hours
def test_real_hours(real_hours: Database, databases: Databases, tmp_path: Path) -> None:
    """Twelve real hours, shuffled, the second delivery of one with changed addresses and more lines."""
    hours = random.Random(12).sample(REAL, len(REAL))
    first = earlier_delivery(hours[1], tmp_path / "first")
    steps = [[hours[0], first], hours[2:5], hours[5:8], [hours[1], *hours[8:10]], hours[10:]]
    with databases.new() as shuffled:
        for files in steps:
            build(shuffled, files)
        assert differences(contents(real_hours), contents(shuffled)) == {}


def test_poisoned_hours(databases: Databases, tmp_path: Path) -> None:
    """Generated hours with all traps, hour by hour: they repeat records of their neighbours on both sides."""
    files = list(generated(tmp_path, hours_from("2016-03-01T04", 6), traps=TRAPS))
    hours = random.Random(6).sample(files, len(files))
    first = earlier_delivery(hours[2], tmp_path / "first")
    with databases.new() as shuffled:
        for file in [*hours[:2], first, *hours[2:]]:
            build(shuffled, [file])
        assert differences(from_scratch(databases, files), contents(shuffled)) == {}
