"""The truth beside generated hours, against a count that shares no code with the generator."""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from headgate_github.synth import HourTruth, file_name, generate_hour, write_hours
from headgate_github.synth.traps import TRAPS
from headgate_github.synth.world import GENERATIONS, Generation
from tests.unit.synth_lines import lines_of

pytestmark = pytest.mark.costly

ALL = tuple(TRAPS)
HOURS = {
    "events_early": datetime(2011, 4, 30, 22, tzinfo=UTC),
    "timeline": datetime(2013, 6, 1, 23, tzinfo=UTC),
    "events": datetime(2016, 1, 1, 1, tzinfo=UTC),
    "events_slim": datetime(2025, 12, 31, 22, tzinfo=UTC),
}
_RUN = re.compile(rb"(\[+)(\]+)")


def land(line: bytes) -> tuple[Any, bool] | None:
    """The record and whether it had to be repaired; None where it cannot land."""
    run = max((len(match[1]) for match in _RUN.finditer(line)), default=0)
    repaired = re.sub(rb"(?<!\\)((?:\\\\)*)\\u0000", rb"\1", line)
    try:
        text = _RUN.sub(b"[]", repaired).decode()
        record = json.loads(text, parse_constant=_refuse, parse_float=_number)
        json.dumps(record, ensure_ascii=False).encode()
    except ValueError:
        return None
    return (record, repaired != line) if isinstance(record, dict) and run < 6_000 else None


def _refuse(name: str) -> None:
    raise ValueError(name)


def _number(text: str) -> str:
    exponent = text.lower().partition("e")[2]
    if exponent and int(exponent) > 131_071:
        raise ValueError(text)
    return text


def instant(text: object) -> datetime | None:
    """The instant that a date of any generation means."""
    slashed = re.fullmatch(r"(\d+)/(\d+)/(\d+) (\S+) ([+-]\d\d)(\d\d)", str(text))
    if slashed:
        text = "{}-{}-{}T{}{}:{}".format(*slashed.groups())
    try:
        return datetime.fromisoformat(str(text))
    except ValueError:
        return None


def breaks_contract(record: Any, generation: str, hour: datetime) -> bool:
    """Whether a record that landed has to be quarantined."""
    at = instant(record.get("created_at"))
    if at is None or not hour - timedelta(hours=1) <= at <= hour + timedelta(hours=2):
        return True
    checks = [isinstance(record.get("type"), str), isinstance(record.get("payload", {}), dict)]
    if generation != "timeline":
        actor, repo = record.get("actor"), record.get("repo")
        checks += [isinstance(record.get("id"), str), isinstance(actor, dict), isinstance(repo, dict)]
        for found in (actor, repo):
            if isinstance(found, dict):
                gone = generation == "events_early" and "id" not in found
                checks += [gone or type(found.get("id")) is int]
                checks += [gone or isinstance(found.get("login", found.get("name")), str)]
    payload = record.get("payload", {})
    if isinstance(payload, dict):
        checks += [isinstance(payload.get("action", ""), str), type(payload.get("size", 1)) is int]
        checks += [type(payload.get("number", 1)) is int]
        pull = payload.get("pull_request", {})
        checks += [type(pull.get(key, 1)) is int for key in ("id", "number")]
        checks += [type(pull.get("merged", True)) is bool, isinstance(pull.get("created_at", ""), str)]
    return not all(checks)


def recount(content: bytes, generation: str, hour: datetime) -> tuple[Counter[str], dict[str, Any]]:
    """What a file holds: figures, and the typed records by identity, the last delivery of each."""
    figures: Counter[str] = Counter()
    typed: dict[str, Any] = {}
    for line in lines_of(content):
        figures["lines"] += 1
        landed = land(line)
        if landed is None:
            figures["rejected"] += 1
            continue
        record, repaired = landed
        figures["landed"] += 1
        figures["repaired"] += repaired
        if breaks_contract(record, generation, hour):
            figures["quarantined"] += 1
            continue
        identity = record["id"] if generation != "timeline" else line.decode()
        figures["duplicates_in_hour"] += identity in typed
        typed[identity] = record
    figures["typed"] = len(typed)
    return figures, typed


def pull_requests(records: list[Any]) -> Counter[str]:
    """Pull requests opened, merged and rejected among records."""
    found: Counter[str] = Counter()
    for record in records:
        if record["type"] == "PullRequestEvent":
            action, pull = record["payload"]["action"], record["payload"]["pull_request"]
            if action == "closed" and "issue_id" in pull:
                found["untold"] += 1
                continue
            merged = action == "merged" or pull.get("merged")
            found["merged" if merged else "rejected" if action == "closed" else action] += 1
    return found


@pytest.mark.parametrize("generation", GENERATIONS)
def test_truth_of_an_hour_is_what_a_reader_finds(generation: Generation) -> None:
    """Every figure of the truth equals a count made from the file."""
    hour = HOURS[generation]
    made = generate_hour(hour, seed=11, events_per_hour=900, generation=generation, traps=ALL)
    figures, typed = recount(made.content, generation, hour)
    truth: HourTruth = made.truth
    assert figures == Counter({name: getattr(truth, name) for name in figures})
    assert truth.lines == truth.landed + truth.rejected
    assert truth.landed == truth.typed + truth.quarantined + truth.duplicates_in_hour
    assert Counter(record["type"] for record in typed.values()) == truth.counts.types
    pulls = pull_requests(list(typed.values()))
    assert pulls["opened"] == truth.counts.pull_requests_opened > 0
    assert pulls["merged"] == truth.counts.pull_requests_merged
    assert pulls["rejected"] == truth.counts.pull_requests_rejected
    assert pulls["untold"] == truth.counts.pull_requests_untold
    told = generation != "events_early"
    assert bool(pulls["merged"]) == bool(pulls["rejected"]) == told != bool(pulls["untold"])
    assert pulls["reopened"] == truth.counts.pull_requests_reopened
    assert truth.counts.unknown_types == {"WormholeEvent": 1}
    pushes = [record["payload"] for record in typed.values() if record["type"] == "PushEvent"]
    assert sum(len(push.get("commits", push.get("shas", []))) for push in pushes) == truth.counts.commits
    actors = [record["actor"] for record in typed.values()]
    logins = [actor if isinstance(actor, str) else actor.get("login", "") for actor in actors]
    assert sum(login.endswith("[bot]") for login in logins) == truth.counts.bot_events > 0


@pytest.mark.parametrize("generation", GENERATIONS)
def test_truth_of_several_hours_counts_a_record_once(generation: Generation, tmp_path: Path) -> None:
    """A record that comes again in the next hour is a duplicate in the earlier one."""
    start = HOURS[generation]
    truth = write_hours(tmp_path, start, start + timedelta(hours=3), events_per_hour=120, traps=ALL)
    figures: Counter[str] = Counter()
    typed: dict[str, Any] = {}
    across = 0
    for number in range(4):
        hour = start + timedelta(hours=number)
        content = (tmp_path / file_name(hour)).read_bytes()
        found, records = recount(content, generation, hour)
        figures += found
        across += len(typed.keys() & records.keys())
        typed |= records
    assert truth.duplicates_across_hours == across == 9
    assert truth.typed == len(typed) == figures["typed"] - across
    assert truth.landed == truth.typed + truth.quarantined + truth.duplicates_in_hour + across
    assert Counter(record["type"] for record in typed.values()) == +truth.counts.types
    pulls = pull_requests(list(typed.values()))
    assert pulls["opened"] == truth.counts.pull_requests_opened
    assert pulls["merged"] == truth.counts.pull_requests_merged
    assert (truth.lines, truth.rejected, truth.repaired) == tuple(
        figures[name] for name in ("lines", "rejected", "repaired")
    )


@pytest.mark.parametrize("generation", GENERATIONS)
def test_marks_name_every_line_that_is_out_of_the_ordinary(generation: Generation) -> None:
    """Lines that are rejected or quarantined are exactly those that the truth marks so."""
    hour = HOURS[generation]
    made = generate_hour(hour, events_per_hour=100, generation=generation, traps=ALL)
    found = {}
    for number, line in enumerate(lines_of(made.content), 1):
        landed = land(line)
        if landed is None:
            found[number] = "rejected"
        elif breaks_contract(landed[0], generation, hour):
            found[number] = "quarantined"
    marked = {m.line_number: m.outcome for m in made.truth.marks if m.outcome in ("rejected", "quarantined")}
    assert found == marked


@pytest.mark.parametrize("generation", ["timeline", "events"])
def test_pull_requests_live_in_order(generation: Generation) -> None:
    """A pull request is opened once, changes later, and keeps author, repository, size and date of birth."""
    events: dict[int, list[tuple[datetime, str, Any]]] = {}
    for number in range(12):
        hour = HOURS[generation] + timedelta(hours=number)
        for line in lines_of(generate_hour(hour, events_per_hour=900).content):
            record = json.loads(line)
            if record["type"] == "PullRequestEvent":
                pull, action = record["payload"]["pull_request"], record["payload"]["action"]
                at = instant(record["created_at"])
                assert at is not None
                events.setdefault(pull["id"], []).append((at, action, pull))
                assert pull["merged"] == (pull["merged_at"] is not None)
                if action == "closed":
                    assert instant(pull["closed_at"]) == at > instant(pull["created_at"])
    lives = [sorted(life, key=lambda step: step[0]) for life in events.values() if len(life) > 1]
    assert len(lives) > 40
    for life in lives:
        actions = [action for _, action, _ in life]
        assert "opened" not in actions[1:]
        pulls = [pull for _, _, pull in life]
        for key in ("number", "title", "created_at", "additions", "changed_files"):
            assert len({pull[key] for pull in pulls}) == 1
        assert len({pull["user"]["id"] for pull in pulls}) == 1
        assert len({pull["base"]["repo"]["id"] for pull in pulls}) == 1
