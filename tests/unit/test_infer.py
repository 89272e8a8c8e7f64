"""Inference of a contract from a sample: what is found, and what holds for any sample."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headgate.contract import PathRule, format_path
from headgate.errors import UsageError
from headgate.landing.privacy import Minimiser
from headgate.scaffold.infer import infer, value_at
from headgate.scaffold.observe import type_of
from headgate.scaffold.personal import is_personal
from headgate.scaffold.sample import read_sample
from tests.examples import examples
from tests.sample_sources import invoices, readings, webhooks
from tests.unit.sample_records import RECORDS, inferred_from


def rule(records: list[dict[str, Any]], path: str, kind: str | None = None) -> PathRule:
    """The rule of a path for a kind."""
    rules = infer(records).contract.paths
    return next(item for item in rules if item.path == path and (kind is None or item.applies_to(kind)))


def test_envelope_of_webhooks() -> None:
    """Identity, kind and time are found among the keys of the envelope; kinds differ in their payload."""
    found = infer(webhooks())

    assert vars(found.contract.envelope) == {
        "identity": "delivery_id",
        "kind": "event",
        "time": "received_at",
    }
    assert found.kinds == ("issues", "pull_request", "push", "star")


def test_few_values_make_no_kind() -> None:
    """A currency or a status is no kind: invoices in euros are built like those in dollars."""
    found = infer(invoices())

    assert vars(found.contract.envelope) == {"identity": "id", "kind": None, "time": "created"}
    assert found.values["", "status"] == ("draft", "open", "paid", "void")


def test_readings_have_no_identity() -> None:
    """What many readings share is no identity, and a flat record has no kind."""
    assert vars(infer(readings()).contract.envelope) == {
        "identity": None,
        "kind": None,
        "time": "measured_at",
    }


def test_an_envelope_inside_of_an_object_is_proposed() -> None:
    """What identifies and times a record below its first keys is named with its option, not taken."""
    at = "2026-03-0{}T10:00:00Z"
    sold = [
        {"invoice": {"number": f"a-{n}", "issuedAt": at.format(n)}, "by": {"id": n % 2}} for n in range(1, 9)
    ]
    found = infer(sold)

    assert found.contract.envelope.identity is found.contract.envelope.time is None
    assert "may be meant: --identity invoice.number" in found.notes
    assert "may be meant: --time invoice.issuedAt" in found.notes
    assert not any("by.id" in note for note in found.notes)


@pytest.mark.parametrize(
    ("value", "is_proposed"),
    [
        ("t-{}", True),
        ("INV/2026/{:04}", True),
        ("{:08}", True),
        ("{}.50", False),
        ("{}@example.org", False),
        ("2026-03-01T10:{:02}:00Z", False),
        ("number {}", False),
    ],
)
def test_what_is_numbered_like_a_document_is_proposed(value: str, is_proposed: bool) -> None:
    """A key that is not called like an identity may be one: no two values are equal, and all are serials."""
    found = infer([{"Beleg": value.format(n), "n": n % 3} for n in range(40)])

    assert ("may be meant: --identity Beleg" in found.notes) is is_proposed


def test_given_envelope_wins() -> None:
    """Paths that are given are taken, also such as lie deeper."""
    found = infer(webhooks(), identity="payload.sender.id", kind="payload.action", time="payload.starred_at")

    assert found.contract.envelope.identity == "payload.sender.id"
    assert "reopened" in found.kinds


def test_unknown_path_is_refused() -> None:
    """A given path that no record has is a mistake."""
    with pytest.raises(UsageError, match=r"none at payload\.nothing"):
        infer(webhooks(), kind="payload.nothing")


def test_kinds_have_their_own_paths() -> None:
    """A path that some kinds have is declared for those; required is what a kind always has."""
    assert rule(webhooks(), "payload.action").kinds == ("issues", "pull_request", "star")
    assert rule(webhooks(), "payload.commits").required
    assert not rule(webhooks(), "payload.issue.closed_at", "issues").required
    assert rule(webhooks(), "payload.repository.id").kinds == ()


def test_nested_arrays_are_declared() -> None:
    """Arrays of objects are declared down to their fields, two deep; others stay JSON."""
    assert rule(invoices(), "lines.data[].taxes[].rate").type == "number"
    assert "tags[]" not in {item.path for item in infer(invoices()).contract.paths}


def test_data_as_keys_is_not_declared() -> None:
    """Keys such as numbers are data: the object is declared, and nothing in it."""
    paths = [item.path for item in infer(invoices()).contract.paths if item.path.startswith("metadata")]

    assert paths == ["metadata"]


def test_few_records_require_nothing() -> None:
    """Of three records nobody can say what is always there."""
    assert not any(item.required for item in infer(readings(3)).contract.paths)


def test_types_are_those_of_the_contract() -> None:
    """Numbers of both sorts are numbers, mixed values anything, instants need a day that exists."""
    records = [
        {"n": 1, "m": 1, "t": "2026-01-31T00:00:00Z"},
        {"n": 1.5, "m": "a", "t": "2026-02-28T10:00:00+01:00"},
    ]

    assert [rule(records, path).type for path in "nmt"] == ["number", "any", "timestamp"]
    assert type_of("2026-02-30T00:00:00Z") == "string"
    assert type_of("2026-01-01T00:00:00") == "timestamp"


@pytest.mark.parametrize(
    ("path", "values", "expected"),
    [
        ("customer_email", [], True),
        ("contact.phone", [], True),
        ("user.name", [], True),
        ("repository.name", [], False),
        ("repository.full_name", ["acme/widgets"], False),
        ("reference", ["ann@example.org", "bob@example.org"], True),
        ("note", ["call +49 170 1234567", "no"], False),
        ("caller", ["+49 170 1234567"], True),
        ("peer", ["192.0.2.7"], True),
        ("version", ["1.2.3"], False),
        ("billing.address.line1", [], True),
        ("shipping", [], False),
    ],
)
def test_personal_data_is_suspected(path: str, values: list[str], expected: bool) -> None:
    """By what a key is called, or by what most of its values look like."""
    assert is_personal(path, values) is expected


@given(RECORDS)
@settings(deadline=None, max_examples=examples(50))
def test_sample_keeps_the_contract_that_was_inferred_from_it(records: list[dict[str, Any]]) -> None:
    """Every record of any sample has what is required, and values of the declared types."""
    found = inferred_from(records)

    for record in records:
        kind = value_at(record, found.contract.envelope.kind) if found.contract.envelope.kind else ""
        for item in found.contract.paths:
            if "[" not in item.path and item.applies_to(kind):
                held_to(item, record)


def held_to(item: PathRule, record: dict[str, Any]) -> None:
    """Asserts that a record keeps a rule."""
    *parents, key = item.steps
    holder = value_at(record, format_path(parents)) if parents else record
    if not isinstance(holder, dict) or item.pii:
        return
    value = holder.get(key)
    assert not (item.required and value is None), item
    allowed = {"number": {"number", "integer"}, "string": {"string", "timestamp"}}.get(item.type, {item.type})
    assert value is None or item.type == "any" or type_of(value) in allowed, item


@given(RECORDS, st.integers())
@settings(deadline=None, max_examples=examples(50))
def test_order_does_not_matter(records: list[dict[str, Any]], seed: int) -> None:
    """The same records in another order, and doubled, give the same rules."""
    shuffled = [*records, *records]
    random.Random(seed).shuffle(shuffled)
    envelope = vars(inferred_from(records).contract.envelope)

    given_envelope = {name: path for name, path in envelope.items() if path}
    again = infer(shuffled, no_kind=envelope["kind"] is None, **given_envelope)

    assert set(again.contract.paths) == set(infer(records, no_kind=envelope["kind"] is None).contract.paths)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"n": 1}\n{"n": null}\n'),
        ("a.json", '[{"n": 1}, {"n": null}]'),
        ("a.csv", 'n\n1\n""\n'),
        ("a.ndjson", '\ufeff{"n": 1}\r\n\n{"n": null}'),
    ],
)
def test_formats_are_read_alike(tmp_path: Path, name: str, text: str) -> None:
    """JSON lines, an array and CSV give the same records."""
    file = tmp_path / name
    file.write_text(text, encoding="utf-8", newline="")

    assert read_sample(file).records == [{"n": 1}, {"n": None}]


@pytest.mark.parametrize(
    ("text", "said"),
    [('{"a": 1}\n{secret\n', "none in record 2"), ("[[1]]\n", "a list in record 1"), ("\n", "none")],
)
def test_broken_samples_are_refused_without_quoting_them(tmp_path: Path, text: str, said: str) -> None:
    """The message names the record and shows nothing of it."""
    file = tmp_path / "sample.jsonl"
    file.write_text(text)

    with pytest.raises(UsageError, match=said) as refused:
        read_sample(file)

    assert "secret" not in str(refused.value)


def test_notes_hold_no_values() -> None:
    """What is told about a sample names paths, never what stands there."""
    records = invoices()
    values = {json.dumps(value) for record in records for value in record.values() if isinstance(value, str)}

    assert not [
        note for note in infer(records).notes if any(value.strip('"') in note.split() for value in values)
    ]


def test_keys_in_quotes_are_a_part_of_the_envelope() -> None:
    """Headers with spaces are paths in quotes, found like any other; --time takes them as they are called."""
    records = [{"Sale ID": n, "sold at": "2026-01-01T00:00:00Z", "amount": n / 2} for n in range(50)]

    assert vars(infer(records).contract.envelope) == {
        "identity": '"Sale ID"',
        "kind": None,
        "time": '"sold at"',
    }
    assert infer(records, time="sold at").contract.envelope.time == '"sold at"'


ANN = "ann@example.org"


@pytest.mark.parametrize(
    ("record", "path"),
    [
        ({"Customer E-Mail": ANN}, '"Customer E-Mail"'),
        ({"customer": {"e.mail": ANN}}, 'customer."e.mail"'),
        ({"people": [{"a b": ANN}]}, 'people[]."a b"'),
        ({"": ANN}, '""'),
        ({"k" * 70: {"email": ANN}}, f"{'k' * 70}.email"),
        ({"line\nbreak": ANN}, '"line\\nbreak"'),
        ({"{{ x }}": ANN}, '"\\u007b\\u007b x }}"'),
        ({"table": {"email": ANN}}, "table.email"),
        ({"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": ANN}}}}}}}}}, "a.b.c.d.e.f.g.h.i"),
        ({"a": [[[[ANN]]]]}, "a[][][][]"),
        ({"phone": 491701234567}, "phone"),
        ({"by_id": {str(n): {"email": ANN} for n in range(4)}}, "by_id"),
    ],
)
def test_personal_data_is_found_under_any_key(record: dict[str, Any], path: str) -> None:
    """Keys that no column can have, deep values, numbers, keys that are data: landing is told of all."""
    found = infer([{"id": n, **record} for n in range(20)])

    assert [(rule.path, rule.type, rule.pii) for rule in found.contract.personal] == [
        (path, "string", "hmac")
    ]
    minimised = Minimiser(found.contract, b"key").minimise(json.dumps(record).encode(), dict(record), None)
    assert ANN.encode() not in minimised
    assert b"491701234567" not in minimised


def test_personal_data_beside_other_values_is_found() -> None:
    """A key that holds a text here and an object or a truth value there is personal where it is a text."""
    records = [
        {"id": n, "contact": ANN if n % 2 else {"email": ANN}, "mail": ANN if n % 3 else False}
        for n in range(30)
    ]

    assert {rule.path for rule in infer(records).contract.personal} == {"contact", "mail"}


def test_what_no_column_holds_is_told() -> None:
    """Keys that cannot be columns, and those beyond the most columns, are counted and named."""
    records = [{"id": n, "": 1, "я" * 40: 2, **{f"q{m}": m for m in range(1700)}} for n in range(12)]
    found = infer(records)
    told = [note for note in found.notes if "in the raw record" in note]

    assert len(found.contract.paths) == 1600
    assert told[0].startswith(f'2 keys stay in the raw record: "", {"я" * 40} (no name of a column')
    assert told[1].startswith("101 keys stay in the raw record: q1599, ")
