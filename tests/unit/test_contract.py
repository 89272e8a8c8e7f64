"""Contracts: what is read from YAML, and what is refused with which words."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from headgate.contract import EACH, PathRule, load_contract, parse_path, read_contract
from headgate.errors import UsageError
from tests.support import ROOT

GOOD = {
    "version": 1,
    "envelope": {"identity": "id", "kind": "type", "time": "created_at"},
    "time_tolerance_hours": 1,
    "paths": [
        {"path": "id", "type": "string", "required": True, "generations": ["events"]},
        {"path": "payload.commits[].author.email", "type": "string", "pii": "hmac", "kinds": ["PushEvent"]},
    ],
}


def write(folder: Path, contract: object) -> Path:
    """A sources file that holds `contract`."""
    table = {"name": "events", "config": {"meta": {"contract": contract}}}
    file = folder / "_trial__sources.yml"
    file.write_text(yaml.safe_dump({"sources": [{"name": "trial", "tables": [table]}]}))
    return file


def test_the_projects_own_contract_is_read() -> None:
    """The contract of gharchive names the personal data of all generations."""
    contract = load_contract(ROOT, "gharchive", "events")
    assert contract.envelope.identity == "id"
    personal = {rule.path: rule.pii for rule in contract.personal}
    assert personal["payload.commits[].author.email"] == "hmac"
    assert personal["payload.shas[][1]"] == "hmac"
    assert personal["actor_attributes.email"] == "drop"
    assert "PushEvent" in contract.kinds


def test_every_part_of_a_rule_is_read(tmp_path: Path) -> None:
    """A rule keeps its path, type, kinds, generations and kind of personal data."""
    contract = read_contract(write(tmp_path, GOOD), "trial", "events")
    assert contract.time_tolerance_hours == 1
    assert contract.paths == (
        PathRule("id", "string", required=True, generations=("events",)),
        PathRule("payload.commits[].author.email", "string", kinds=("PushEvent",), pii="hmac"),
    )


@pytest.mark.parametrize(
    ("change", "place", "found"),
    [
        ({"version": 0}, "version", "0"),
        ({"extra": 1}, "contract", "extra"),
        ({"time_tolerance_hours": -1}, "time_tolerance_hours", "-1"),
        ({"rejected_lines": "keep"}, "rejected_lines", "'keep'"),
        ({"envelope": {"identity": "id", "kind": "type"}}, "envelope.time", "nothing"),
        ({"paths": [{"path": False, "type": "string"}]}, "paths[0].path", "a bool"),
        ({"paths": [{"path": 'a."b', "type": "string"}]}, "paths[0].path", "something else"),
        ({"paths": [{"path": "id", "type": "text"}]}, "paths[0] (id).type", "'text'"),
        ({"paths": [{"path": "a..b", "type": "string"}]}, "paths[0].path", "something else"),
        ({"paths": [{"path": "id", "type": "string", "pii": "hide"}]}, "pii", "'hide'"),
        ({"paths": [{"path": "id", "type": "string", "need": 1}]}, "paths[0]", "need"),
        ({"paths": [{"path": "id", "type": "string", "required": "yes"}]}, "required", "'yes'"),
        ({"paths": [{"path": "id", "type": "string", "kinds": []}]}, "kinds", "[]"),
        ({"paths": [{"path": "id", "type": "string"}] * 2}, "paths", "twice"),
        ({"paths": "id"}, "paths", "a str"),
    ],
)
def test_mistakes_are_named(tmp_path: Path, change: dict[str, object], place: str, found: str) -> None:
    """A mistake is a usage error that names the file, the place and what was found there."""
    file = write(tmp_path, {**GOOD, **change})
    with pytest.raises(UsageError) as raised:
        read_contract(file, "trial", "events")
    assert str(file) in raised.value.subject
    assert place in raised.value.subject
    assert found in raised.value.found


def test_a_missing_contract_is_a_usage_error(tmp_path: Path) -> None:
    """No file, no source and no table are each said."""
    with pytest.raises(UsageError, match="no such file"):
        load_contract(tmp_path, "trial", "events")
    with pytest.raises(UsageError, match="an entry named other"):
        read_contract(write(tmp_path, GOOD), "other", "events")
    with pytest.raises(UsageError, match="an entry named other"):
        read_contract(write(tmp_path, GOOD), "trial", "other")


def test_one_path_may_mean_two_things_in_two_generations() -> None:
    """Rules on one path collide only where some record would fall under both."""
    events = PathRule("actor", "object", generations=("events",))
    assert not events.meets(PathRule("actor", "string", generations=("timeline",)))
    assert events.meets(PathRule("actor", "string"))
    pushes = PathRule("actor", "object", kinds=("PushEvent",))
    assert not pushes.meets(PathRule("actor", "object", except_kinds=("PushEvent",)))
    assert pushes.meets(PathRule("actor", "object", except_kinds=("ForkEvent",)))


def test_paths_are_taken_apart() -> None:
    """Keys, positions and every-element steps are told apart."""
    assert parse_path("payload.commits[].author") == ("payload", "commits", EACH, "author")
    assert parse_path("shas[][1]") == ("shas", EACH, 1)
    for text in ("", ".a", "a.", "[0]", "a[x]", "a b"):
        with pytest.raises(ValueError):  # noqa: PT011 - the message is the path
            parse_path(text)
