"""Generated hours: the same for the same arguments, alone or together; files, names and the command line."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from headgate.errors import UsageError
from headgate_github.cli.synth import synth
from headgate_github.synth import generate_hour, generation_at, write_hours
from headgate_github.synth.traps import TRAPS, parse
from headgate_github.synth.world import GENERATIONS, Generation
from tests.unit.synth_lines import lines_of

START = datetime(2016, 1, 1, 1, tzinfo=UTC)
ALL = tuple(TRAPS)


@pytest.mark.parametrize("generation", GENERATIONS)
def test_same_arguments_give_the_same_bytes(generation: Generation) -> None:
    """Generating twice gives equal bytes and equal truth."""
    first, second = (
        generate_hour(START, seed=3, events_per_hour=150, generation=generation, traps=ALL) for _ in "12"
    )
    assert first.content == second.content
    assert first.truth == second.truth


def test_another_seed_gives_another_world() -> None:
    """Seeds differ in every line."""
    first, second = (
        set(lines_of(generate_hour(START, seed=seed, events_per_hour=50).content)) for seed in (1, 2)
    )
    assert not first & second


def test_an_hour_does_not_depend_on_the_hours_asked_with_it(tmp_path: Path) -> None:
    """The fifth hour of a range is the hour generated alone, after hours were generated in another order."""
    write_hours(tmp_path, START, START + timedelta(hours=4), events_per_hour=80, traps=ALL)
    generate_hour(START + timedelta(hours=50), events_per_hour=80)
    alone = generate_hour(START + timedelta(hours=4), events_per_hour=80, traps=ALL)
    assert (tmp_path / "2016-01-01-5.json.gz").read_bytes() == alone.content


def test_traps_add_lines_and_change_none() -> None:
    """An hour with traps holds every line of the hour without, in the same order."""
    plain = lines_of(generate_hour(START, events_per_hour=200).content)
    trapped = generate_hour(START, events_per_hour=200, traps=ALL)
    marked = {mark.line_number for mark in trapped.truth.marks}
    assert [line for number, line in enumerate(lines_of(trapped.content), 1) if number not in marked] == plain


def test_a_trap_does_not_depend_on_the_other_traps() -> None:
    """The lines of one trap are the same whether it is set alone or with all the others."""
    alone = generate_hour(START, events_per_hour=40, traps=("wrong_type",))
    both = generate_hour(START, events_per_hour=40, traps=ALL)

    def of_trap(hour_lines: list[bytes], marks: list[tuple[int, str]]) -> list[bytes]:
        return [hour_lines[number - 1] for number, trap in marks if trap == "wrong_type"]

    assert of_trap(lines_of(alone.content), [mark[:2] for mark in alone.truth.marks]) == of_trap(
        lines_of(both.content), [mark[:2] for mark in both.truth.marks]
    )


def test_exactly_as_many_events_as_asked() -> None:
    """Without traps an hour has the number of events that was asked for, each with an id of its own."""
    records = [json.loads(line) for line in lines_of(generate_hour(START, events_per_hour=700).content)]
    assert len(records) == len({record["id"] for record in records}) == 700


def test_gzip_header_holds_no_time() -> None:
    """The header has neither a time nor a name in it."""
    assert generate_hour(START, events_per_hour=5).content[:8] == b"\x1f\x8b\x08\x00\x00\x00\x00\x00"


def test_lines_are_nearly_but_not_quite_in_order_of_time() -> None:
    """As in the archive, an hour is not sorted, and no event lies outside of it."""
    times = [
        json.loads(line)["created_at"]
        for line in lines_of(generate_hour(START, events_per_hour=3000).content)
    ]
    assert times != sorted(times)
    assert all(time.startswith("2016-01-01T01:") for time in times)


def test_generation_follows_the_archive_by_default() -> None:
    """The shape changes on the days on which the archive changed."""
    days = {datetime(2014, 12, 31, 23, tzinfo=UTC): "timeline", datetime(2015, 1, 1, tzinfo=UTC): "events"}
    days |= {
        datetime(2012, 3, 11, 5, tzinfo=UTC): "events_early",
        datetime(2012, 3, 11, 6, tzinfo=UTC): "timeline",
        datetime(2025, 10, 6, 23, tzinfo=UTC): "events",
        datetime(2025, 10, 7, tzinfo=UTC): "events_slim",
    }
    assert {hour: generation_at(hour) for hour in days} == days


def test_slim_ids_are_smaller_than_the_ids_before_them() -> None:
    """Ids do not order by time across the change of generation."""
    before = generate_hour(datetime(2025, 10, 6, 23, tzinfo=UTC), events_per_hour=9)
    after = generate_hour(datetime(2025, 10, 7, 0, tzinfo=UTC), events_per_hour=9)
    smallest = min(int(json.loads(line)["id"]) for line in lines_of(before.content))
    assert all(int(json.loads(line)["id"]) < smallest / 9 for line in lines_of(after.content))


def test_redelivered_hour_has_the_same_events_with_hashed_addresses(tmp_path: Path) -> None:
    """The second delivery differs in bytes and in addresses, and in nothing else."""
    write_hours(tmp_path, START, START, events_per_hour=120, file_trap="redeliver")
    name = "2016-01-01-1.json.gz"
    first, second = ((folder / name).read_bytes() for folder in (tmp_path, tmp_path / "redelivered"))
    assert first != second
    changed = 0
    for old, new in zip(lines_of(first), lines_of(second), strict=True):
        was, now = json.loads(old), json.loads(new)
        for before, after in zip(
            was["payload"].pop("commits", []), now["payload"].pop("commits", []), strict=True
        ):
            assert before["author"].pop("email") != after["author"].pop("email")
            assert before == after
            changed += 1
        assert was == now
    assert changed > 20


@pytest.mark.parametrize(
    ("trap", "start"),
    [
        ("not_gzip", b'{"id"'),
        ("html_page", b"<!DOCTYPE html>"),
        ("empty_file", b""),
        ("truncated_gzip", b"\x1f\x8b"),
    ],
)
def test_file_traps_spoil_the_whole_file(tmp_path: Path, trap: str, start: bytes) -> None:
    """The file is what the trap says, cannot be read as gzip, and the truth counts nothing of it."""
    truth = write_hours(tmp_path, START, START, events_per_hour=30, file_trap=trap)
    path = tmp_path / "2016-01-01-1.json.gz"
    assert path.read_bytes().startswith(start)
    if trap == "empty_file":
        assert path.stat().st_size == 0
    else:
        with pytest.raises((OSError, EOFError)):
            gzip.decompress(path.read_bytes())
    assert truth.unreadable_files == {path.name: trap}
    assert truth.lines == 0


def test_command_writes_hours_and_truth(tmp_path: Path) -> None:
    """The command names files as the archive does and prints the truth that it writes."""
    arguments = [
        "--from",
        "2016-01-01T09",
        "--to",
        "2016-01-01T10",
        "--events-per-hour",
        "40",
        "--traps",
        "all",
    ]
    result = CliRunner().invoke(synth, [*arguments, "--out", str(tmp_path), "--json"])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output) == json.loads((tmp_path / "truth.json").read_text())
    assert {path.name for path in tmp_path.iterdir()} == {
        "2016-01-01-9.json.gz",
        "2016-01-01-9.truth.json",
        "2016-01-01-10.json.gz",
        "2016-01-01-10.truth.json",
        "truth.json",
    }


def test_command_prints_a_table_for_people(tmp_path: Path) -> None:
    """Without --json the command prints what was generated as a table."""
    result = CliRunner().invoke(
        synth, ["--from", "2016-01-01T09", "--events-per-hour", "12", "--out", str(tmp_path)]
    )
    assert result.exit_code == 0, result.output
    assert "pull requests merged" in result.output


def test_wrong_arguments_are_refused(tmp_path: Path) -> None:
    """Unknown traps, unknown file traps and ranges that end before they begin are usage errors."""
    with pytest.raises(UsageError, match="no_such_trap"):
        parse("nul_escape,no_such_trap")
    with pytest.raises(UsageError, match="--file-trap"):
        write_hours(tmp_path, START, START, file_trap="no_such_trap")
    with pytest.raises(UsageError, match="--from and --to"):
        write_hours(tmp_path, START, START - timedelta(hours=1))


def test_files_are_named_as_the_archive_names_them(tmp_path: Path) -> None:
    """Hours of the timeline are named in Pacific time; two that the clocks show alike are one file."""
    night = datetime(2013, 11, 3, 7, tzinfo=UTC)
    truth = write_hours(tmp_path, night, night + timedelta(hours=3), events_per_hour=60, traps=ALL)

    assert truth.files == ["2013-11-03-0.json.gz", "2013-11-03-1.json.gz", "2013-11-03-2.json.gz"]
    lines = [len(lines_of((tmp_path / name).read_bytes())) for name in truth.files]
    alone = [
        generate_hour(night + timedelta(hours=number), events_per_hour=60, traps=ALL) for number in range(4)
    ]
    assert lines == [
        len(lines_of(part))
        for part in (alone[0].content, alone[1].content + alone[2].content, alone[3].content)
    ]
    assert truth.lines == sum(lines)


def test_two_hours_in_one_file_have_one_truth(tmp_path: Path) -> None:
    """What the second hour delivers again is a duplicate in the file, and counts once."""
    night = datetime(2013, 11, 3, 7, tzinfo=UTC)
    whole = write_hours(tmp_path, night, night + timedelta(hours=3), events_per_hour=60, traps=ALL)
    one = json.loads((tmp_path / "2013-11-03-1.truth.json").read_text())

    assert one["hour"] == "2013-11-03T08"
    assert one["landed"] == one["typed"] + one["quarantined"] + one["duplicates_in_hour"]
    apart = [
        generate_hour(night + timedelta(hours=number), events_per_hour=60, traps=ALL).truth
        for number in (1, 2)
    ]
    again = sum(hour.duplicates_in_hour for hour in apart) + apart[0].again_in_next_hour
    assert one["duplicates_in_hour"] == again
    assert one["again_in_next_hour"] == apart[1].again_in_next_hour
    assert whole.duplicates_across_hours == 2 * apart[0].again_in_next_hour


def test_hours_without_a_file_are_left_out(tmp_path: Path) -> None:
    """Where names change from UTC to Pacific time no file covers eight hours."""
    truth = write_hours(
        tmp_path,
        datetime(2012, 3, 10, 21, tzinfo=UTC),
        datetime(2012, 3, 11, 6, tzinfo=UTC),
        events_per_hour=9,
    )

    assert truth.files == ["2012-03-10-21.json.gz", "2012-03-10-22.json.gz"]
