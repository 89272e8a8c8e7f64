"""Parts of `headgate serve` that need no server."""

from __future__ import annotations

import json
import os
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from fastapi import Request, Response

from headgate.errors import UsageError
from headgate.landing.privacy import digest
from headgate.model.contracts import personal
from headgate.model.flavours import UnansweredError, load
from headgate.model.output import Output
from headgate.model.signature import Input, Signature
from headgate.model.split import in_canary
from headgate.serving import bodies, keytext
from headgate.serving.app import Routes
from headgate.serving.loaded import Deployment, Loaded
from headgate.serving.log import PredictionLog
from headgate.serving.records import Made, Read, record, shared_of, told
from headgate.serving.refusals import Refusal
from headgate.serving.requests import Checker, Row
from headgate.serving.scoring import Scorer
from headgate.serving.shipping import _messages
from tests import four_models

NAMED = {"blue": 0.2, "green": 0.1, "red": 0.7}
COLOUR = Output(score=0.7, answer="red", probabilities=NAMED)


async def test_an_unforeseen_error_is_told_without_its_message() -> None:
    """The client gets the four parts, the log kind and place; the message may quote what was asked."""
    lines: list[tuple[str, dict[str, str]]] = []
    log = SimpleNamespace(error=lambda event, **more: lines.append((event, more)))
    routes = Routes(SimpleNamespace(model="m", access=None, log=log))  # type: ignore[arg-type]

    async def fails(_: Request) -> Response:
        raise RuntimeError("ada@example.com")

    answer = await routes.answered(fails)(Request({"type": "http"}))
    assert answer.status_code == 500
    assert set(orjson.loads(answer.body)["error"]) == {"object", "expected", "found", "next_step"}
    ((event, more),) = lines
    assert (event, more["kind"]) == ("a request failed", "RuntimeError")
    assert more["at"].startswith("test_serving.py:")
    assert "ada" not in f"{lines}{answer.body!r}"


@pytest.mark.parametrize("found", ["disk", "limit"])
def test_a_full_log_refuses_answers(found: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 503, and what was written before stays whole."""
    log = PredictionLog(tmp_path)
    log.append(b'{"prediction_id": "1"}\n')
    if found == "disk":
        assert log._segment is not None
        os.close(log._segment._file)
        log._segment._file = os.open("/dev/full", os.O_WRONLY)
        monkeypatch.setattr(os, "ftruncate", lambda *_: None)
    else:
        log.pending = 3 << 30
    with pytest.raises(Refusal) as refused:
        log.append(b'{"prediction_id": "2"}\n')
    assert refused.value.status == 503
    (segment,) = tmp_path.iterdir()
    assert segment.read_bytes() == b'{"prediction_id": "1"}\n'


def test_a_segment_that_cannot_begin_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With 503 while files cannot be renamed; what is logged after that is found by the shipper."""
    log = PredictionLog(tmp_path)
    log.append(b"first\n")
    log.rotate()
    with monkeypatch.context() as broken:
        broken.setattr(Path, "rename", _refuse)
        with pytest.raises(Refusal):
            log.append(b"second\n")
        log.rotate()
    log.append(b"third\n")
    log.rotate()
    contents = [path.read_bytes() for path in sorted(tmp_path.glob("*.jsonl"))]
    assert contents == [b"first\n", b"third\n"]
    assert len(list(tmp_path.iterdir())) == 2


def _refuse(*_: object) -> None:
    raise OSError(28, "No space left on device")


def test_what_waits_for_its_shadow_is_kept_until_all_of_it_is_whole(tmp_path: Path) -> None:
    """Its file goes with the last of it, another begins for what comes then; what is left stays."""
    log = PredictionLog(tmp_path)
    first = log.append_waiting(b"1\n", 1)
    assert log.append_waiting(b"2\n3\n", 2) is first
    first.done(2)
    (file,) = tmp_path.glob("*.waiting")
    assert file.read_bytes() == b"1\n2\n3\n"
    first.done(1)
    assert not list(tmp_path.glob("*.waiting"))
    assert log.append_waiting(b"4\n", 1) is not first
    log.close()
    (left,) = tmp_path.iterdir()
    assert left.read_bytes() == b"4\n"


def test_lines_that_a_loss_of_power_spoiled_are_known_by_their_place() -> None:
    """Zeros, a torn line and another's line do not keep the rest from landing; half a last line is none."""
    whole = b'{"prediction_id":"6f1c1c9e-38ab-4b2b-9d6e-0c2f3f0a7b11","at":1}'
    found = list(_messages("7-1.jsonl", whole + b'\n\0\0\0\n\n{"a": 1\n' + whole[:20]))
    assert [(message.delivery_id, message.body) for message in found] == [
        ("6f1c1c9e-38ab-4b2b-9d6e-0c2f3f0a7b11", whole),
        ("7-1.jsonl:2", b"\0\0\0"),
        ("7-1.jsonl:4", b'{"a": 1'),
    ]


class Raises:
    """A model that raises for a negative number, and hangs for a hundred."""

    waits = False
    explains = False
    encoder = None
    calls = 0

    def predict(self, rows: Any) -> list[Any]:
        """Scores, or nothing."""
        return [self.predict_one(row) for row in rows]

    def predict_one(self, values: Any) -> Any:
        """The number itself."""
        self.calls += 1
        if values["n"] == 100:
            raise UnansweredError(
                "model m", expected="an answer", found="none after 1 seconds", next_step="-"
            )
        if values["n"] < 0:
            raise OverflowError("a secret")
        return values["n"]

    def contributions(self, values: Any) -> dict[str, float]:
        """None."""
        return {}

    def close(self) -> None:
        """Nothing."""


def test_whatever_a_model_raises_is_an_error_of_its_row() -> None:
    """By its kind; who hangs is not asked again for each row of a batch."""
    model = Raises()
    scorer = Scorer(model, "binary", {})
    assert scorer.scored_now([{"n": -1}]).rows == [(None, "OverflowError")]
    batch = scorer.scored_now([{"n": 1}, {"n": -1}, {"n": 2}]).rows
    assert batch == [(1, None), (None, "OverflowError"), (2, None)]
    model.calls = 0
    late = scorer.scored_now([{"n": 100}] * 50).rows
    assert set(late) == {(None, "none after 1 seconds")}
    assert model.calls == 1


def test_a_whole_number_may_be_written_with_a_fraction_of_zero() -> None:
    """As JSON Schema has it; it is a whole number then, in the key's text and in the log."""
    signature = four_models.SIGNATURE
    whole = {
        "inputs": {"size": 3.0, "kind": "small"},
        "features": {"shop__orders_7d": 1e3},
        "key": {"shop_id": 7.0},
    }
    (row,) = Checker(signature).request(orjson.dumps(whole)).rows
    assert json.dumps(row.values) == '{"size": 3, "kind": "small", "shop__orders_7d": 1000}'
    assert json.dumps(row.key) == '{"shop_id": 7}'
    for wrong in (3.5, 1e300, -(2.0**63)):
        with pytest.raises(Refusal):
            Checker(signature).request(orjson.dumps({**whole, "inputs": {"size": wrong, "kind": "small"}}))


class Chances(Raises):
    """A model of classes, which gives what it is told to."""

    def predict_one(self, values: Any) -> Any:
        """Chances."""
        return values["chances"]


def test_chances_of_classes_have_their_names() -> None:
    """The likeliest class with its chance, and all of them; too few chances, or no number, are an error."""
    scorer = Scorer(Chances(), "multiclass", {"classes": ["blue", "green", "red"]})
    right, short = scorer.scored_now([{"chances": [0.2, 0.1, 0.7]}, {"chances": [0.2, 0.8]}]).rows
    assert short == (None, "expected a chance for each class")
    [none] = scorer.scored_now([{"chances": [0.2, float("nan"), 0.8]}]).rows
    assert none == short
    assert right == (Output(score=0.7, answer="red", probabilities=NAMED), None)
    made = Made(Row(None, {}, False), {}, 1, False, "id", "id", score=right[0])
    answer = told(made, "colours", Read(None, None, None))
    assert (answer["score"], answer["answer"], answer["probabilities"]) == (0.7, "red", NAMED)


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("boolean", True, "true"),
        ("double precision", 1.0, "1"),
        ("double precision", 1e25, "1e+25"),
        ("double precision", 123456789012345680.0, "1.2345678901234568e+17"),
        ("double precision", 0.00001, "1e-05"),
        ("double precision", -0.5, "-0.5"),
        ("numeric", 1e25, "10000000000000000000000000"),
        ("numeric", 1.10, "1.1"),
        ("uuid", "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
        ("date", date(2026, 3, 1), "2026-03-01"),
        ("timestamp with time zone", datetime(2026, 3, 1, 5, 6, 7, 120000, UTC), "2026-03-01 05:06:07.12+00"),
        ("interval", timedelta(days=1), "1 day"),
        ("interval", timedelta(days=2, hours=3, microseconds=500_000), "2 days 03:00:00.5"),
        ("interval", timedelta(hours=-1), "-1 days +23:00:00"),
        ("interval", timedelta(0), "00:00:00"),
        ("bigint", 7, "7"),
        ("text", "a|b", "a|b"),
    ],
)
def test_keys_are_written_as_postgresql_writes_them(kind: str, value: Any, text: str) -> None:
    """Labels and histories are joined by the text."""
    assert keytext.form(kind)(value) == text


@pytest.mark.parametrize(
    ("kind", "right", "found", "wrong"),
    [
        ("date", "2026-03-01", date(2026, 3, 1), "2026-13-01"),
        ("timestamp with time zone", "2026-03-01T00:00:00Z", datetime(2026, 3, 1, tzinfo=UTC), "2026-03-01"),
        (
            "interval",
            "-2 days +03:04:05.5",
            timedelta(days=-2, hours=3, minutes=4, seconds=5.5),
            "2 days 24:00:00",
        ),
        ("interval", "1 day", timedelta(days=1), ""),
        ("uuid", "A0EEBC999C0B4EF8BB6D6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "7f"),
        (
            "timestamp with time zone",
            "2026-03-01T01:00:00+01:00",
            datetime(2026, 3, 1, tzinfo=UTC),
            "0001-01-01T00:00:00+01:00",
        ),
    ],
)
def test_keys_of_other_types_are_read_from_texts(kind: str, right: str, found: Any, wrong: str) -> None:
    """Dates, instants and uuids reach the store as such; another text is refused by name."""
    view = Input(name="v__n", type="bigint", nullable=True, view="v")
    checker = Checker(Signature(inputs=(view,), keys=(("k", kind),), output=("y", "double precision")))
    assert checker.request(orjson.dumps({"key": {"k": right}})).rows[0].key == {"k": found}
    with pytest.raises(Refusal) as refused:
        checker.request(orjson.dumps({"key": {"k": wrong}}))
    assert refused.value.details["object"] == "key, k"
    assert not wrong or wrong not in str(refused.value.details["found"])


def _recorded(score: Any, personal: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The record of a row of the shop's model."""
    found = four_models.package("lightgbm", task="custom", options={"personal": personal})
    loaded = Loaded(1, found, Raises(), lambda: b"a key for tests only")
    deployment = Deployment("will_ship", loaded, None, 0.0, 1)
    row = Row({"shop_id": 7}, {"size": 3, "kind": "small"}, True)
    values = {**row.values, "shop__orders_7d": 4, **more}
    made = Made(row, values, 1, False, "id", loaded.key_text(row, ""), score=score)
    return dict(orjson.loads(record(made, deployment, shared_of(deployment, Read(1, None, None)))))


@pytest.mark.parametrize(
    ("score", "logged", "answer"),
    [
        (0.25, 0.25, None),
        ("a text", None, "a text"),
        ([0.5, 0.5], None, "[0.5,0.5]"),
        ({"text": "x"}, None, '{"text":"x"}'),
        (True, None, "true"),
        (None, None, None),
    ],
)
def test_answers_that_are_no_numbers_have_a_field_of_their_own(score: Any, logged: Any, answer: Any) -> None:
    """Texts as they are, anything else as JSON; numbers stay in `score`."""
    found = _recorded(score, {})
    assert (found["score"], found["answer"]) == (logged, answer)


def test_a_decimal_is_a_number_wherever_it_goes() -> None:
    """The store's `numeric` columns are decimals: monitoring compares numbers, and code reckons with them."""
    assert _recorded(0.5, {}, shop__orders_7d=Decimal("12.50"))["features"]["shop__orders_7d"] == 12.5
    assert bodies.answer(200, {"features": Decimal("12.50")}).body == b'{"features":12.5}'
    files = four_models.pyfunc_files("def predict(rows):\n    return [row['size'] / 2 for row in rows]")
    predictor = load(four_models.package("pyfunc", files, task="regression"))
    assert predictor.predict([{"size": Decimal("12.50")}, {"size": 12.5}]) == [6.25, 6.25]
    predictor.close()


def test_personal_values_are_minimised_before_they_are_logged() -> None:
    """Hashed as landing hashes, or left out; the rest stands as it is."""
    personal = {"inputs": {"kind": "hmac", "size": "drop"}, "keys": {"shop_id": "hmac"}, "answer": "hmac"}
    found = _recorded("a name", personal)
    assert found["features"] == {"kind": _hash("small"), "size": None, "shop__orders_7d": 4}
    assert (found["key"], found["answer"]) == (_hash("7"), _hash("a name"))
    assert "a name" not in str(found)
    dropped = _recorded("a name", {"keys": {"shop_id": "drop"}, "answer": "drop"})
    assert (dropped["key"], dropped["answer"], dropped["features"]["kind"]) == ("", None, "small")
    classes = _recorded(COLOUR, personal)
    assert (classes["answer"], classes["probabilities"], classes["score"]) == (_hash("red"), None, 0.7)


def test_classes_are_logged_with_their_chances() -> None:
    """The likeliest with its chance, and all of them: a canary compares these with the label."""
    found = _recorded(COLOUR, {})
    assert (found["answer"], found["probabilities"], found["score"]) == ("red", NAMED, 0.7)


def _hash(text: str) -> str:
    return digest(b"a key for tests only", text)


def test_personal_columns_are_those_that_their_contracts_mark(tmp_path: Path) -> None:
    """Of views and spine; a word that is none is refused with file and column."""
    (tmp_path / "models").mkdir()
    contract = """
models:
  - name: {name}
    columns:
      - {{name: shop_id, data_type: bigint, config: {{meta: {{pii: hmac}}}}}}
      - {{name: {column}, data_type: text, config: {{meta: {{pii: {pii}}}}}}}
      - {{name: is_shipped, data_type: boolean}}
"""
    for name, column, pii in (("shop", "owner", "drop"), ("labels", "note", "hmac")):
        (tmp_path / f"models/{name}.yml").write_text(contract.format(name=name, column=column, pii=pii))
    inputs = (
        Input(name="note", type="text", nullable=True),
        Input(name="shop__owner", type="text", nullable=True, view="shop"),
    )
    signature = Signature(inputs=inputs, keys=(("shop_id", "bigint"),), output=("y", "double precision"))
    declared: Any = SimpleNamespace(views={"shop": 1}, spine_name="labels", label="is_shipped")
    found = personal(tmp_path, declared, signature)
    assert found.inputs == {"note": "hmac", "shop__owner": "drop"}
    assert (found.keys, found.answer) == ({"shop_id": "hmac"}, None)
    (tmp_path / "models/shop.yml").write_text(contract.format(name="shop", column="owner", pii="hide"))
    with pytest.raises(UsageError, match=r"shop\.yml, column owner, pii"):
        personal(tmp_path, declared, signature)


def test_a_key_keeps_its_version_and_a_larger_share_adds_keys() -> None:
    """The share is met, what was in it stays, and another challenger draws other keys."""
    keys = [str(number) for number in range(10_000)]
    small, large = ({key for key in keys if in_canary("m", 2, key, share)} for share in (0.1, 0.3))
    assert small < large
    assert 900 < len(small) < 1_100
    assert not any(in_canary("m", 2, key, 0) for key in keys)
    assert all(in_canary("m", 2, key, 1) for key in keys)
    assert small != {key for key in keys if in_canary("m", 3, key, 0.1)}
