"""Traps for whoever counts: the same record delivered more than once."""

from __future__ import annotations

from collections.abc import Iterator

import orjson

from headgate_github.synth.objects import Json
from headgate_github.synth.threads import HOUR
from headgate_github.synth.trap_kit import Kit, TrapLine
from headgate_github.synth.truth import Facts


def _amend(kit: Kit, record: Json) -> Json:
    """The record with something unimportant changed. Records without id are what they contain: unchanged."""
    if kit.generation == "timeline":
        return record
    changed: Json = orjson.loads(orjson.dumps(record))
    changed["actor"]["avatar_url"] += "v=2"
    if changed["type"] == "PullRequestEvent":
        pull = changed["payload"]["pull_request"]
        pull.get("head", pull)["sha"] = "0" * 40
    return changed


def duplicate_in_hour(kit: Kit) -> Iterator[TrapLine]:
    """One record three times, byte for byte the same; one twice, with changes. The last one stays."""
    found, facts = kit.record("PushEvent")
    line = orjson.dumps(found)
    yield TrapLine(line, "duplicate")
    yield TrapLine(line, "duplicate")
    yield TrapLine(line, "typed", facts)
    found, facts = kit.record("PullRequestEvent")
    yield TrapLine(orjson.dumps(found), "duplicate")
    yield TrapLine(orjson.dumps(_amend(kit, found)), "typed", facts)


def duplicate_across_hours(kit: Kit) -> Iterator[TrapLine]:
    """Records of the hour before again, with changed contents; and records that the next hour repeats."""
    before = Kit(kit.world, kit.generation, kit.hour - 1, "duplicate_across_hours", kit.number)
    for found, facts in _repeated(before):
        yield TrapLine(orjson.dumps(_amend(kit, found)), "typed", facts, from_previous_hour=True)
    for found, facts in _repeated(kit):
        yield TrapLine(orjson.dumps(found), "typed", facts, in_next_hour=True)


def _repeated(kit: Kit) -> Iterator[tuple[Json, Facts]]:
    late = kit.start + HOUR // 2
    yield kit.record("PushEvent", at=late + int(kit.rng.random() * HOUR / 2))
    yield kit.record("WatchEvent", at=late + int(kit.rng.random() * HOUR / 2))
    yield kit.record("PullRequestEvent")
