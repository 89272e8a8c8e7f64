"""Later records of a source that hold odd values: typed, or quarantined with a reason, never an abort."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.project_copy import ProjectCopy
from tests.support import Database

pytestmark = [
    pytest.mark.costly,
    pytest.mark.parametrize("server", ["embedded"], indirect=True),
    pytest.mark.timeout(1200),
]

#: Enough for the gate of the quarantine to pass.
PLAIN = 600
#: What a later record differs in, and the reason that is given; none where it is typed.
LATER: list[tuple[dict[str, Any], str | None]] = [
    ({"qty": "1.0"}, None),
    ({"qty": "1e3"}, None),
    ({"qty": "-7.000"}, None),
    ({"qty": "1.5"}, "qty: expected integer, found number with a fraction"),
    ({"qty": "9223372036854775808"}, "qty: expected integer, found number beyond 64 bits"),
    ({"qty": '"12"'}, "qty: expected integer, found string that holds a number"),
    ({"items": '[{"sku": 1.0}]'}, None),
    ({"items": '[{"sku": 1}, null, 3, {"sku": 2}]'}, "items[]: expected object, found number as element 3"),
    (
        {"items": '[{"sku": 1}, {"sku": 1.5}]'},
        "items[].sku: expected integer, found number with a fraction in element 2",
    ),
    ({"t": '"9999-12-31T23:59:59Z"'}, "t: expected timestamp, found timestamp outside 1900 to 2099"),
    ({"t": '"0001-01-01T00:00:00Z"'}, "t: expected timestamp, found timestamp outside 1900 to 2099"),
    ({"t": '"infinity"'}, "t: expected timestamp, found string that is no timestamp"),
    (
        {"t": '"2016-02-30T00:00:00Z"'},
        "t: expected timestamp, found string that is no day or time of the calendar",
    ),
    ({"t": '"2016-01/02T00:00:00Z"'}, "t: expected timestamp, found string that is no timestamp"),
    ({"t": '"2016-01-02 03:04:05.25"'}, None),
    ({"day": '"2016-02-29"'}, None),
    ({"day": '"2016-02-29T00:00:00Z"'}, "day: expected date, found timestamp"),
    ({"created": "1767225600.5"}, None),
    ({"created": '"1767225600"'}, None),
    ({"created": "1767225600000"}, "created: expected epoch_s, found number outside 1900 to 2099"),
    ({"created": '"2026-01-01"'}, "created: expected epoch_s, found string"),
    ({"paid_ms": "1767225600123"}, None),
    ({"paid_ms": "1767225600123456"}, "paid_ms: expected epoch_ms, found number outside 1900 to 2099"),
]


def record(number: int, **odd: str) -> str:
    """A record as JSON text; `odd` are JSON texts of values."""
    plain = {
        "id": f'"r{number}"',
        "created": f"{1_767_225_600 + number}",
        "qty": f"{number}",
        "t": f'"2026-01-01T00:00:{number % 60:02}Z"',
        "day": f'"2026-01-{number % 28 + 1:02}"',
        "paid_ms": f"{(1_767_225_600 + number) * 1_000}",
        "items": f'[{{"sku": {number}}}]',
    }
    return "{" + ", ".join(f'"{key}": {value}' for key, value in {**plain, **odd}.items()) + "}"


@pytest.fixture(scope="module")
def project(module_database: Database, tmp_path_factory: pytest.TempPathFactory) -> ProjectCopy:
    """A project with the source, plain and then the odd records built."""
    made = ProjectCopy.make(tmp_path_factory.mktemp("project"), module_database)
    shutil.copyfile(made.folder / "profiles.example.yml", made.folder / "profiles.yml")
    lines = [record(number) for number in range(PLAIN)]
    sample = write(made.folder / "sample.jsonl", lines)
    odd = [record(PLAIN + number, **odd) for number, (odd, _) in enumerate(LATER)]
    later = write(made.folder / "later.jsonl", [*lines, *odd])
    made.headgate("new", "source", "odd", "--sample", sample, "--time", "created")
    made.headgate("land", "odd", later)
    made.run(
        *("dbt", "build", "--no-partial-parse", "--indirect-selection", "buildable"),
        *("--select", "+path:models/staging/odd"),
    )
    return made


def write(file: Path, lines: list[str]) -> Path:
    """A file of lines."""
    file.write_text("\n".join(lines) + "\n")
    return file


def test_odd_values_are_typed_or_quarantined_with_a_reason_that_leads(project: ProjectCopy) -> None:
    """Records are typed or kept aside one by one; the reason names bound, kind or element."""
    reasons = dict(project.database.query("select record_id, reasons from typed.stg_odd__quarantine"))

    for number, (odd, reason) in enumerate(LATER):
        assert reasons.get(f"r{PLAIN + number}") == (None if reason is None else [reason]), odd
    assert project.database.value("select count(*) from typed.stg_odd__records") == PLAIN + sum(
        reason is None for _, reason in LATER
    )


def test_typed_values_are_those_of_the_records(project: ProjectCopy) -> None:
    """Whole numbers with a fraction of zero, times as numbers and as text, without zone and without time."""
    typed = {
        row[0]: row[1:]
        for row in project.database.query(
            "select record_id, qty, t, day::text, extract(epoch from paid_ms)::text,"
            " extract(epoch from recorded_at)::float from typed.stg_odd__records"
        )
    }
    numbers = {json.dumps(odd): number for number, (odd, _) in enumerate(LATER)}

    def row(**odd: str) -> tuple[Any, ...]:
        return tuple(typed[f"r{PLAIN + numbers[json.dumps(odd)]}"])

    assert [row(qty=text)[0] for text in ("1.0", "1e3", "-7.000")] == [1, 1000, -7]
    assert row(t='"2016-01-02 03:04:05.25"')[1].isoformat() == "2016-01-02T03:04:05.250000+00:00"
    assert row(day='"2016-02-29"')[2] == "2016-02-29"
    assert row(paid_ms="1767225600123")[3] == "1767225600.123000"
    assert row(created="1767225600.5")[4] == 1_767_225_600.5
    assert row(created='"1767225600"')[4] == 1_767_225_600
    assert (
        project.database.value(
            "select sku from typed.stg_odd__record_items where record_id = %s", f"r{PLAIN + 6}"
        )
        == 1
    )
