"""The shapes of generated records: nothing in them that real records of their generation do not have."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from headgate_github.synth import generate_hour
from headgate_github.synth.world import Generation

pytestmark = pytest.mark.costly

REAL = Path(__file__).resolve().parents[3] / "shared" / "data"
SAMPLES = REAL / "gharchive_samples"
SOURCES: dict[Generation, tuple[Path, ...]] = {
    "timeline": (SAMPLES / "2012-10-15.json.gz", SAMPLES / "2013-10-15.json.gz"),
    "events": (
        *(REAL / "gharchive" / f"2016-01-01-{hour}.json.gz" for hour in (1, 2, 7)),
        *(SAMPLES / f"{year}-10-15.json.gz" for year in (2015, 2016)),
    ),
    "events_slim": (SAMPLES / "2026-05-slim.json.gz",),
}
HOURS: dict[Generation, datetime] = {
    "timeline": datetime(2013, 10, 1, 20, tzinfo=UTC),
    "events": datetime(2016, 1, 1, 1, tzinfo=UTC),
    "events_slim": datetime(2026, 5, 1, tzinfo=UTC),
}
Paths = dict[str, dict[str, set[str]]]


def records_of(path: Path) -> Iterator[Any]:
    """The records of a file."""
    with gzip.open(path, "rb") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def generated(generation: Generation, events: int) -> list[Any]:
    """The records of a generated hour."""
    hour = generate_hour(HOURS[generation], events_per_hour=events, generation=generation)
    return [json.loads(line) for line in gzip.decompress(hour.content).split(b"\n")[:-1]]


def paths(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every path in a value with the type found there."""
    yield path, type(value).__name__
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from paths(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            yield from paths(inner, f"{path}[]")


def shapes(records: Iterable[Any]) -> Paths:
    """By kind of event, the types found at each path; paths of the envelope count for every kind together."""
    found: Paths = defaultdict(lambda: defaultdict(set))
    for record in records:
        for path, name in paths(record):
            found[record["type"] if path.startswith("payload.") else "envelope"][path].add(name)
    return found


@pytest.mark.real_data
@pytest.mark.parametrize("generation", list(SOURCES))
def test_every_generated_path_exists_in_real_records(generation: Generation) -> None:
    """Each path of each kind, with the type that is there, is found in real records of that kind."""
    if not all(path.exists() for path in SOURCES[generation]):
        pytest.skip("no real archive hours in ../shared/data")
    real = shapes(
        record
        for path in SOURCES[generation]
        for record in records_of(path)
        if generation != "timeline" or isinstance(record.get("actor"), str)
    )
    invented = {
        (kind, path, name)
        for kind, found in shapes(generated(generation, 8_000)).items()
        if kind in real
        for path, names in found.items()
        for name in names - {"NoneType"} - real[kind].get(path, set())
        # A field that is only ever null in the few real events says nothing about its type.
        if real[kind].get(path) != {"NoneType"}
    }
    assert not invented


@pytest.mark.real_data
def test_mixture_and_sizes_are_close_to_real_hours() -> None:
    """Shares of the common kinds within a tenth of the real ones, bytes per event within a fifth."""
    files = [REAL / "gharchive" / f"2016-01-01-{hour}.json.gz" for hour in range(1, 13)]
    if not all(path.exists() for path in files):
        pytest.skip("no real archive hours in ../shared/data")
    real, made = Counter[str](), Counter[str]()
    real_bytes, made_bytes = Counter[str](), Counter[str]()
    for path in files:
        for line in gzip.decompress(path.read_bytes()).split(b"\n")[:-1]:
            # Every record begins with its id and its type.
            kind = line[:70].split(b'"type":"')[1].split(b'"')[0].decode()
            real[kind] += 1
            real_bytes[kind] += len(line) + 1
    hour = generate_hour(HOURS["events"], events_per_hour=40_000, generation="events")
    for line in gzip.decompress(hour.content).split(b"\n")[:-1]:
        kind = json.loads(line)["type"]
        made[kind] += 1
        made_bytes[kind] += len(line) + 1
    assert made.keys() == real.keys()
    for kind, number in real.most_common(8):
        assert made[kind] / made.total() == pytest.approx(number / real.total(), rel=0.1)
        assert made_bytes[kind] / made[kind] == pytest.approx(real_bytes[kind] / number, rel=0.2)


def test_events_carry_the_whole_pull_request() -> None:
    """Generation `events`: a merge is `closed` with a flag, and the pull request is there whole."""
    pulls = [
        record["payload"] for record in generated("events", 4_000) if record["type"] == "PullRequestEvent"
    ]
    assert {payload["action"] for payload in pulls} >= {"opened", "closed"}
    assert all(len(payload["pull_request"]) == 37 for payload in pulls)
    assert {payload["pull_request"]["merged"] for payload in pulls} == {True, False}
    assert all(payload["number"] == payload["pull_request"]["number"] for payload in pulls)


def test_slim_merges_are_an_action() -> None:
    """Generation `events_slim`: no flag, no author, no commits; a merge is an action of its own."""
    records = generated("events_slim", 4_000)
    pulls = [record["payload"] for record in records if record["type"] == "PullRequestEvent"]
    assert {payload["action"] for payload in pulls} >= {"opened", "closed", "merged"}
    assert all(set(payload["pull_request"]) == {"url", "id", "number", "head", "base"} for payload in pulls)
    pushes = [record["payload"] for record in records if record["type"] == "PushEvent"]
    assert all(set(push) == {"repository_id", "push_id", "ref", "head", "before"} for push in pushes)


def test_timeline_has_flat_actors_and_local_dates() -> None:
    """Generation `timeline`: no id, actors as text, commits as arrays, dates with an offset."""
    records = generated("timeline", 4_000)
    assert all("id" not in record and isinstance(record["actor"], str) for record in records)
    missing = sum("actor_attributes" not in record for record in records)
    assert 0.003 < missing / len(records) < 0.02
    without = {record["type"] for record in records if "repository" not in record}
    assert without == {"GistEvent", "FollowEvent"}
    assert all(record["created_at"].endswith("-07:00") for record in records)
    shas = [sha for record in records if record["type"] == "PushEvent" for sha in record["payload"]["shas"]]
    assert {tuple(type(part).__name__ for part in sha) for sha in shas} == {
        ("str", "str", "str", "str", "bool")
    }
    assert all(
        isinstance(record["payload"]["issue"], int) for record in records if record["type"] == "IssuesEvent"
    )


def test_timeline_dates_cross_the_borders_of_the_hour() -> None:
    """Some pushes happened a little before or after the hour of their file, none beyond the tolerance."""
    hour = HOURS["timeline"]
    minutes = [
        (datetime.fromisoformat(record["created_at"]) - hour).total_seconds() / 60
        for record in generated("timeline", 4_000)
    ]
    assert any(minute < 0 for minute in minutes)
    assert any(minute >= 60 for minute in minutes)
    assert all(-60 < minute < 120 for minute in minutes)


def test_timeline_wrote_dates_with_slashes_until_2012() -> None:
    """Before August 2012 dates look like 2012/04/11 15:01:33 -0700."""
    hour = generate_hour(datetime(2012, 4, 11, 22, tzinfo=UTC), events_per_hour=60)
    for line in gzip.decompress(hour.content).splitlines():
        assert datetime.strptime(json.loads(line)["created_at"], "%Y/%m/%d %H:%M:%S %z")


def test_popularity_is_very_uneven() -> None:
    """A few repositories and actors have most of the events, as in the archive."""
    records = generated("events", 6_000)
    for key, name in (("repo", "name"), ("actor", "login")):
        found = Counter(record[key][name] for record in records)
        assert len(found) > 2_500
        assert sum(number for _, number in found.most_common(60)) > len(records) * 0.06
    assert 0.005 < sum(record["actor"]["login"].endswith("[bot]") for record in records) / 6_000 < 0.06
