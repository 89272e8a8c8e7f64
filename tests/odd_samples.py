"""Seeded samples of records with every kind of key and value that generated text may trip over."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

#: Marked: no table may hold it.
PERSON = "ann.person"
WORDS = [
    "yes",
    "no",
    "on",
    "off",
    "null",
    "true",
    "~",
    "2024",
    "1e3",
    "0x1f",
    "=",
    "<<",
    "-",
    "?",
    "y",
    "1_000",
    ".inf",
]
SQL = [
    "select",
    "table",
    "collation",
    "current_user",
    "user",
    "order",
    "ctid",
    "xmin",
    "authorization",
    "values",
]
JINJA = ["{{ name }}", "{% if x %}", "{# note #}", "{{", "a{{b", "}}", "{{{", "{{ '{' }}"]
QUOTES = [
    "it's",
    'say "x"',
    "back\\slash",
    "a'b\"c",
    "`x`",
    "$$",
    "'; drop table x; --",
    "\\",
    "\\u0041",
    "%s %(a)s",
]
SHAPES = [
    "Order ID",
    "e.mail",
    "a[1]",
    "a[]",
    "[]",
    " lead",
    "trail ",
    "a  b",
    ".",
    "a.b.c",
    "a:b",
    "#x",
    "- x",
    "x,y",
]
WIDE = [
    "Größe",
    "Дата_регистрации_заявления_поставщика_услуг",
    "日本語",
    "😀",
    "e\u0301",
    "x\u00a0y",
    "\u2028",
    "",
    "line\nbreak",
    "tab\tstop",
    "cr\rx",
    "\x7f",
    "\ufeffbom",
]
LONG = ["k" * 62, "k" * 63, "k" * 64, f"{'m' * 63}1", f"{'m' * 63}2", "я" * 31, f"{'я' * 31}a", "я" * 32]
CASES = ["Id", "ID", "iD", "record_id", "line_number", "recorded_at", "Record ID", "Record-Id"]
KEYS = [*WORDS, *SQL, *JINJA, *QUOTES, *SHAPES, *WIDE, *LONG, *CASES]
TEXTS = [*WORDS, *JINJA, *QUOTES, "", " ", "Don't know", "plain", "a\nb", "ü", "😀"]


def odd_sample(seed: int, count: int = 60, keys: int = 30) -> list[dict[str, Any]]:
    """Records with the same shape and other values, an identity and a time among odd keys."""
    rng = random.Random(seed)
    shape = {key: _shape(rng, 0) for key in rng.sample(KEYS, keys)}
    if rng.random() < 0.5:
        shape |= {"Customer E-Mail": "email", "people": [{"e.mail": "email", "a b": "texts"}]}
    return [
        {
            "id": f"r{number}",
            "created at": f"2026-01-01T00:{number % 60:02d}:00Z",
            **{key: _value(rng, inner) for key, inner in shape.items()},
        }
        for number in range(count)
    ]


def _shape(rng: random.Random, depth: int) -> Any:
    """What stands under a key: a sort of scalar, an object, or an array of one."""
    found = rng.random()
    if depth < 3 and found < 0.2:
        return {key: _shape(rng, depth + 1) for key in rng.sample(KEYS, rng.randrange(1, 6))}
    if depth < 3 and found < 0.35:
        return [_shape(rng, depth + 1)]
    return rng.choice(list(_SCALARS))


def _value(rng: random.Random, shape: Any) -> Any:
    if isinstance(shape, dict):
        return {key: _value(rng, inner) for key, inner in shape.items() if rng.random() < 0.95}
    if isinstance(shape, list):
        return [_value(rng, shape[0]) for _ in range(rng.randrange(3))]
    return _SCALARS[shape](rng)


_SCALARS: dict[str, Callable[[random.Random], Any]] = {
    "texts": lambda rng: rng.choice(TEXTS),
    "few": lambda rng: rng.choice(TEXTS[:: len(TEXTS) // 6]),
    "integer": lambda rng: rng.randrange(-1000, 1000),
    "number": lambda rng: rng.choice([1, 1.5, -2.25, 1e20]),
    "boolean": lambda rng: rng.random() < 0.5,
    "instant": lambda rng: f"2026-02-{1 + rng.randrange(28):02d}T10:00:00Z",
    "mixed": lambda rng: rng.choice([1, "1", True, None, {"a": 1}, [1]]),
    "email": lambda rng: f"{PERSON}{rng.randrange(40)}@example.org",
    "null": lambda _: None,
}


def as_line(record: dict[str, Any]) -> bytes:
    """A record as a line of JSON."""
    return json.dumps(record).encode()
