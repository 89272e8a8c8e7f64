"""Privacy: personal data at the contract's paths never leaves the process in clear."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
import stat
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from headgate.contract import Envelope, PathRule, load_contract
from headgate.contract.declared import Pii, RejectedLines
from headgate.errors import HeadgateError
from headgate.landing.keeping import Cipher, Kept
from headgate.landing.privacy import Minimiser, pii_key
from headgate.landing.screen import Screen
from headgate.settings import load_settings
from tests.support import ROOT

CONTRACT = load_contract(ROOT, "gharchive", "events")
KEY = b"a key"


def stand_in(value: str) -> str:
    """What the contract's HMAC makes of a value."""
    return "hmac:" + hmac.new(KEY, value.encode(), hashlib.sha256).hexdigest()[:32]


def minimise(line: bytes | dict[str, Any]) -> tuple[bytes, bytes]:
    """A line, and the line minimised."""
    text = line if isinstance(line, bytes) else json.dumps(line).encode()
    record = json.loads(text)
    return text, Minimiser(CONTRACT, KEY).minimise(text, record, record.get("type"))


def push(author: Any, **more: Any) -> dict[str, Any]:
    """A push of the generation `events`."""
    return {"type": "PushEvent", "payload": {"commits": [{"sha": "1", "author": author}]}, **more}


def test_a_record_without_personal_data_is_untouched() -> None:
    """Other kinds, and pushes without commits, pass as the same bytes."""
    for record in ({"type": "WatchEvent", "payload": {"commits": 1}}, {"type": "PushEvent", "payload": {}}):
        line, found = minimise(record)
        assert found is line


def test_author_name_and_address_become_their_hmac() -> None:
    """Both values are replaced by the keyed hash, everything else stays."""
    _, found = minimise(push({"email": "ann@example.org", "name": "Ann É"}, id="7"))
    assert json.loads(found) == push(
        {"email": stand_in("ann@example.org"), "name": stand_in("Ann É")}, id="7"
    )


def test_the_timelines_arrays_and_attributes() -> None:
    """Positions in arrays are replaced, attributes are dropped, nulls stay."""
    _, found = minimise(
        {
            "type": "PushEvent",
            "actor_attributes": {"login": "ann", "email": "x@y.z", "name": "Ann"},
            "payload": {"shas": [["abc", "x@y.z", "message", "Ann", True], ["def", None]], "legacy": None},
        }
    )
    assert json.loads(found) == {
        "type": "PushEvent",
        "actor_attributes": {"login": "ann"},
        "payload": {
            "shas": [["abc", stand_in("x@y.z"), "message", stand_in("Ann"), True], ["def", None]],
            "legacy": None,
        },
    }


@pytest.mark.parametrize(
    "author",
    ["Ann <ann@example.org>", ["ann@example.org"], {"email": ["ann@example.org"], "name": {"a": "Ann"}}],
)
def test_personal_data_in_another_shape_goes_as_a_whole(author: Any) -> None:
    """What has another shape than declared, on the way to personal data, is replaced whole."""
    _, found = minimise(push(author))
    assert b"ann@example.org" not in found
    assert b"Ann" not in found


def test_a_branch_may_be_an_object_and_an_array() -> None:
    """Paths through the same value as an object and as an array are both followed."""
    paths = ("a.email", "a[].email", "a[0].name", "b[]", "c[1]")
    contract = replace(CONTRACT, paths=tuple(PathRule(path, "string", pii="hmac") for path in paths))
    for record in (
        {"a": {"email": "Ann", "n": 1}},
        {"a": [{"email": "Ann", "name": "Ann"}, {"n": 1}]},
        {"b": ["Ann", None, "Ann"], "c": [1, "Ann"]},
    ):
        found = Minimiser(contract, KEY).minimise(json.dumps(record).encode(), copy.deepcopy(record), None)
        assert json.loads(found) == json.loads(json.dumps(record).replace("Ann", stand_in("Ann")))


@pytest.mark.parametrize(
    ("path", "record"),
    [
        ('"Customer E-Mail"', {"Customer E-Mail": "Ann", "n": 1}),
        ('customer."e.mail"', {"customer": {"e.mail": "Ann"}, "e": {"mail": "kept"}}),
        ('people[]."name [full]"', {"people": [{"name [full]": "Ann"}, {"name [full]": None}]}),
        ('"say \\"who\\""', {'say "who"': "Ann"}),
        ('"\\u007b\\u007b name }}"', {"{{ name }}": "Ann"}),
        ('""', {"": "Ann", "n": 1}),
    ],
)
def test_keys_in_quotes_are_replaced(path: str, record: dict[str, Any]) -> None:
    """Personal data under a key with spaces, dots, brackets, quotes or nothing is replaced like any other."""
    contract = replace(CONTRACT, paths=(PathRule(path, "string", pii="hmac"),))

    found = Minimiser(contract, KEY).minimise(json.dumps(record).encode(), copy.deepcopy(record), None)

    assert json.loads(found) == json.loads(json.dumps(record).replace("Ann", stand_in("Ann")))


@pytest.mark.parametrize(
    "record",
    [
        {"Customer": {"E-Mail": "Ann"}},
        {"CUSTOMER": {"EMAIL": "Ann", "Items": [{"Full Name": "Ann"}]}},
        {"customer": {"eMail": "Ann", "e_mail": "Ann", "items": [{"fullName": "Ann"}, {"full_name": "Ann"}]}},
        {"customer": {"\uff45mail": "Ann", "E Mail": None}},
        {"cuStomer": "Ann"},
    ],
)
def test_keys_that_read_like_personal_ones_are_replaced(record: dict[str, Any]) -> None:
    """Case and separators of a key, on the way or at the end, let no name through, first met or again."""
    paths = tuple(
        PathRule(path, "string", pii="hmac") for path in ("customer.e_mail", "customer.items[].full_name")
    )
    minimiser = Minimiser(replace(CONTRACT, paths=paths), KEY)
    for other in ({"total": 1, "customer": {"emails": "kept", "name": "kept"}}, record, record):
        found = minimiser.minimise(json.dumps(other).encode(), copy.deepcopy(other), None)
        assert json.loads(found) == json.loads(json.dumps(other).replace("Ann", stand_in("Ann")))


def test_many_unlike_keys_are_forgotten_and_do_not_hide_alike_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is remembered of keys is bounded, and the declared key is still found after it was cleared."""
    monkeypatch.setattr("headgate.landing.privacy.CACHE_LIMIT", 10)
    paths = (PathRule("ids.email", "string", pii="hmac"),)
    minimiser = Minimiser(replace(CONTRACT, paths=paths), KEY)
    for number in range(100):
        record = {"ids": {f"id {number}": 1, "Email": "Ann", "email": "Ann"}}
        found = minimiser.minimise(json.dumps(record).encode(), record, None)
        assert json.loads(found)["ids"] == {
            f"id {number}": 1,
            "Email": stand_in("Ann"),
            "email": stand_in("Ann"),
        }


def test_an_unknown_kind_is_searched_for_every_path() -> None:
    """A record whose kind the contract does not know, or that has none, is minimised all the same."""
    for kind in ("NewEvent", None, 7):
        _, found = minimise(
            {**push({"email": "ann@example.org"}), "type": kind} | {"actor_attributes": {"email": "x@y.z"}}
        )
        assert b"example.org" not in found
        assert b"x@y.z" not in found


@pytest.mark.parametrize(
    "number", ["1.10", "1e400", "12345678901234567890123", "-0", "0.1000000000000000055511151231"]
)
def test_numbers_survive_in_rewritten_records(number: str) -> None:
    """A record that is written anew keeps its numbers digit for digit."""
    line = b'{"type":"PushEvent","n":%s,"payload":{"commits":[{"author":{"name":"Ann"}}]}}' % number.encode()
    found = Minimiser(CONTRACT, KEY).minimise(line, json.loads(line), "PushEvent")
    assert f'"n":{number},'.encode() in found
    assert b"Ann" not in found


def test_deep_records_are_minimised_too() -> None:
    """Nesting beyond what orjson writes is no way around privacy."""
    line = (
        b'{"type":"PushEvent","d":'
        + b"[" * 900
        + b"]" * 900
        + b',"payload":{"commits":[{"author":{"name":"Ann"}}]}}'
    )
    assert b"Ann" not in Minimiser(CONTRACT, KEY).minimise(line, json.loads(line), "PushEvent")


@pytest.mark.parametrize("value", [49151234, 1.5, "Ann", ["Ann"]])
def test_misplaced_values_of_every_type_are_replaced(value: Any) -> None:
    """A telephone number that is a number goes too; null, true and what is empty say nothing."""
    contract = replace(CONTRACT, paths=(PathRule("customer.phone", "string", pii="hmac"),))
    line = json.dumps({"customer": value}).encode()
    found = json.loads(Minimiser(contract, KEY).minimise(line, json.loads(line), None))
    assert found["customer"].startswith("hmac:")
    for nothing in (None, True, "", [], {}):
        line = json.dumps({"customer": nothing}).encode()
        assert Minimiser(contract, KEY).minimise(line, json.loads(line), None) == line


def keep(line: bytes, policy: RejectedLines | None, paths: tuple[PathRule, ...] = CONTRACT.paths) -> Kept:
    """What is stored of a line that cannot land."""
    return Minimiser(replace(CONTRACT, paths=paths, rejected_lines=policy), KEY).keep(line)


def test_of_lines_without_paths_length_and_keyed_hash_are_kept() -> None:
    """They tell the line in its file, and nothing of what it holds."""
    dropped = keep(b"Ann", None)
    assert dropped == Kept(None, "dropped", 3, stand_in("Ann"))
    assert keep(b"Ann", "drop") == dropped


def test_lines_are_kept_encrypted_where_the_contract_says_so() -> None:
    """Whoever has the key reads them again; with another key there is a message, and no line."""
    kept = keep(b"Ann", "encrypt")
    assert (kept.stored_as, kept.size, kept.digest) == ("encrypted", 3, stand_in("Ann"))
    assert kept.line is not None
    assert Cipher(KEY).decrypt(kept.line) == b"Ann"
    with pytest.raises(HeadgateError, match="another key"):
        Cipher(b"another").decrypt(kept.line)


def test_a_contract_without_personal_paths_keeps_lines_as_they_came() -> None:
    """Unless it says otherwise: users need to see what broke."""
    assert keep(b"x", None, ()) == Kept(b"x", "verbatim", 1)
    assert keep(b"x", "drop", ()).stored_as == "dropped"


def test_records_without_identity_have_a_keyed_fingerprint_where_they_may_be_personal() -> None:
    """A plain hash of a record with a short name would be guessed."""
    plain, other = (Minimiser(CONTRACT, key).fingerprint(b"{}") for key in (KEY, b"other"))
    assert len(plain) == 32
    assert len({plain, other, hashlib.md5(b"{}").hexdigest()}) == 3
    impersonal = replace(CONTRACT, paths=())
    assert Minimiser(impersonal, KEY).fingerprint(b"{}") == hashlib.md5(b"{}").hexdigest()


@pytest.mark.parametrize(
    ("pii", "record", "expected"),
    [
        ("hmac", {"person": {"mail": "Ann"}}, stand_in("Ann").encode()),
        ("hmac", {"person": "Ann"}, b"md5:"),
        ("drop", {"person": {"mail": "Ann"}}, b"md5:"),
        ("hmac", {"person": {"mail": "Ann", "Mail": "Ann"}}, stand_in("Ann").encode()),
    ],
)
def test_an_envelope_that_is_personal_is_taken_from_what_lands(
    pii: Pii, record: dict[str, Any], expected: bytes
) -> None:
    """Identity and kind stand in columns of their own: these hold what the record holds then."""
    paths = (PathRule("person.mail", "string", pii=pii), PathRule("kind", "string", pii="hmac"))
    contract = replace(CONTRACT, envelope=Envelope("person.mail", "kind", "created_at"), paths=paths)
    with closing(Screen(7, contract.envelope, Minimiser(contract, KEY))) as screen:
        row = b"".join(screen.rows(json.dumps({**record, "kind": "Ann"}).encode()))
    assert b"Ann" not in row
    assert expected in row
    assert row.count(stand_in("Ann").encode()) >= 2


def test_the_key_is_made_once_and_kept_private(tmp_path: Path) -> None:
    """Without HEADGATE_PII_KEY the key is random, in a file of mode 0600, and the same ever after."""
    settings = replace(load_settings({}), home=tmp_path / "home")
    key = pii_key(settings)
    assert len(key) == 64
    assert pii_key(settings) == key
    assert stat.S_IMODE((settings.home / "pii.key").stat().st_mode) == 0o600
    assert [path.name for path in settings.home.iterdir()] == ["pii.key"]
    assert pii_key(replace(settings, pii_key="a key that is given")) == b"a key that is given"
