"""Marked personal data in every form that a delivery may bring it in, and how to find it wherever it went.

Each form is a record with a marked name and address where the contract of gharchive has personal data, then
spoilt: some forms are JSON still and land, others are rejects.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote_to_bytes

from tests.support import Database

#: Seldom letters: nothing else holds them, nor does a part of it that was cut off.
NAME = "Qzvx Vexmarsh"
ADDRESS = "qzvx.vexmarsh@qzvx.example"
_MARK = re.compile(rb"qzvx|vexmarsh|hsramxev", re.IGNORECASE)
_ESCAPE = re.compile(rb"\\+u([0-9a-fA-F]{4})|\\+x([0-9a-fA-F]{2})")

Spoil = Callable[[str], str | bytes]


def is_marked(data: bytes) -> bool:
    """Whether data holds the name, the address or a part of them, in clear or in another writing."""
    readings = [data, data.replace(b"\0", b""), unquote_to_bytes(data)]
    readings.append(
        _ESCAPE.sub(lambda found: chr(int(found[1] or found[2], 16)).encode("utf-8", "replace"), data)
    )
    return any(_MARK.search(reading) for reading in readings)


def marked_tables(database: Database) -> list[str]:
    """The tables of a database that hold personal data in clear."""
    tables = database.query(
        "select format('%I.%I', schemaname, tablename) from pg_tables"
        " where schemaname not in ('pg_catalog', 'information_schema')"
    )
    rows = {table: database.query(f"select row::text from {table} as row") for (table,) in tables}
    return [table for table, found in rows.items() if any(_is_row_marked(text) for (text,) in found)]


def _is_row_marked(text: str) -> bool:
    """Whether a row's text holds some, or what stands there in hexadecimal digits."""
    binary = (bytes.fromhex(found) for found in re.findall(r"\\x((?:[0-9a-f]{2})+)", text))
    return any(map(is_marked, (text.encode(), *binary)))


def marked_files(*places: Path) -> list[Path]:
    """The files below folders, and those of the files named, that hold personal data in clear."""
    files = [file for place in places for file in (place.rglob("*") if place.is_dir() else [place])]
    return [file for file in files if file.is_file() and is_marked(file.read_bytes())]


def _push(author: Any = None, **more: Any) -> dict[str, Any]:
    author = author or {"name": NAME, "email": ADDRESS}
    commit = {"sha": "1", "author": author, "message": "m"}
    return {
        "id": "1",
        "type": "PushEvent",
        "created_at": "2016-01-01T01:00:00Z",
        "payload": {"commits": [commit]},
        **more,
    }


def _timeline() -> dict[str, Any]:
    return {
        "type": "PushEvent",
        "created_at": "2013-01-01T01:00:00Z",
        "actor_attributes": {"login": "l", "email": ADDRESS, "name": NAME},
        "payload": {"shas": [["s", ADDRESS, "message", NAME, True]]},
    }


def _hook() -> dict[str, Any]:
    person = {"name": NAME, "email": ADDRESS, "username": "u"}
    payload = {"pusher": person, "head_commit": {"author": person, "committer": person}}
    return {
        "id": "webhook:1",
        "type": "RefPushEvent",
        "created_at": "2026-01-01T01:00:00Z",
        "payload": payload,
    }


CARRIERS = {"push": _push(), "timeline": _timeline(), "hook": _hook()}
LINES = {name: json.dumps(record) for name, record in CARRIERS.items()}

#: Records that are JSON: the paths find what is personal, whatever stands there.
VALID: dict[str, str] = {
    "as declared": LINES["push"],
    "timeline": LINES["timeline"],
    "webhook": LINES["hook"],
    "indented": json.dumps(CARRIERS["push"], indent=1).replace("\n", " "),
    "keys escaped": LINES["push"].replace('"name"', '"n\\u0061me"').replace('"email"', '"\\u0065mail"'),
    "parent escaped": LINES["push"]
    .replace('"author"', '"auth\\u006fr"')
    .replace('"commits"', '"c\\u006fmmits"'),
    "value escaped": LINES["push"].replace("Qzvx", "\\u0051zvx").replace("qzvx", "q\\u007avx"),
    "key twice": LINES["push"].replace('"name":', '"name": "Qzvx", "name":'),
    "key twice, nothing last": LINES["push"].replace(f'"{NAME}"', f'"{NAME}", "name": null, "email": null'),
    "parent twice": LINES["push"].replace('"message"', '"author": null, "message"'),
    "payload twice": LINES["push"][:-1] + ', "payload": {}}',
    "kind twice": LINES["push"][:-1] + ', "type": "WatchedEvent"}',
    "null character in a value": LINES["push"].replace("Qzvx", "Qz\\u0000vx"),
    "null character in a key": LINES["push"].replace('"name"', '"na\\u0000me"'),
    "null character in a parent": LINES["push"].replace('"author"', '"auth\\u0000or"'),
    "null character elsewhere": LINES["push"].replace('"m"', '"m\\u0000"'),
    "key twice, once with a null character": LINES["push"].replace(
        '"name":', '"na\\u0000me": "Qzvx", "name":'
    ),
    "key twice, last with a null character": LINES["push"].replace(
        '"name":', f'"name": "{NAME}", "n\\u0000ame":'
    ),
    "null character in the kind": LINES["push"].replace("PushEvent", "Push\\u0000Event"),
    "a string": json.dumps(_push(f"{NAME} <{ADDRESS}>")),
    "a list": json.dumps(_push([NAME, ADDRESS])),
    "a list of objects": json.dumps(_push([{"name": NAME}, {"email": ADDRESS}])),
    "an object as value": json.dumps(
        _push({"name": {"first": "Qzvx", "last": "Vexmarsh"}, "email": [ADDRESS]})
    ),
    "commits as an object": LINES["push"].replace("[{", '{"0": {').replace("}]", "}}"),
    "commits in a list more": LINES["push"].replace("[{", "[[{").replace("}]", "}]]"),
    "commits as a string": json.dumps({**_push(), "payload": {"commits": f"{NAME} {ADDRESS}"}}),
    "payload as a string": json.dumps({**_push(), "payload": json.dumps(_push()["payload"])}),
    "payload as a list": json.dumps({**_push(), "payload": [_push()["payload"]]}),
    "shas flat": json.dumps({**_timeline(), "payload": {"shas": ["s", ADDRESS, "m", NAME]}}),
    "shas as objects": json.dumps({**_timeline(), "payload": {"shas": [{"1": ADDRESS, "3": NAME}]}}),
    "attributes as a string": json.dumps({**_timeline(), "actor_attributes": NAME}),
    "no kind": json.dumps({**_push(), "type": None}),
    "unknown kind": json.dumps({**_push(), "type": "AnotherEvent"}),
    "kind of another type": json.dumps({**_push(), "type": ["PushEvent"]}),
    "a number beyond double": LINES["push"][:-1] + ', "n": 1e400}',
    "a number beyond double, key twice": LINES["push"].replace('"email"', '"name": null, "email"')[:-1]
    + ', "n": 1e400}',
    "deep": LINES["push"][:-1] + ', "n": ' + "[" * 1500 + "]" * 1500 + "}",
    "two records on a line": LINES["push"] + LINES["timeline"],
}

#: What makes a line none that can be read with certainty.
SPOILT: dict[str, Spoil] = {
    "cut in the address": lambda line: line[: line.index("vexmarsh@") + 6],
    "cut at the end": lambda line: line[:-1],
    "cut at the start": lambda line: line[1:],
    "cut in a key": lambda line: line[line.index("ommits") if "ommits" in line else 9 :],
    "brace in a string": lambda line: line.replace('"name"', '"bio": "a}b{c", "name"')[:-1],
    "bracket in a string": lambda line: line.replace('"name"', '"bio": "a]b]]", "name"')[:-1],
    "object first": lambda line: line.replace('"name"', '"plan": {"a": {}}, "name"')[:-1],
    "array first": lambda line: line.replace('"name"', '"plan": [[1], {}], "name"')[:-1],
    "key escaped, cut": lambda line: line.replace('"name"', '"n\\u0061me"').replace(
        '"email"', '"e\\u006dail"'
    )[:-1],
    "key with an escaped slash, cut": lambda line: line.replace('"name"', '"na\\/me"')[:-1],
    "parent escaped, cut": lambda line: line.replace('"author"', '"\\u0061uthor"')[:-1],
    "key in capitals, cut": lambda line: line.replace('"name"', '"NAME"').replace('"email"', '"Email"')[:-1],
    "key with a space, cut": lambda line: line.replace('"name"', '"name "')[:-1],
    "quote in a key, cut": lambda line: line.replace('"name"', '"\\"name"')[:-1],
    "single quotes": lambda line: line.replace('"', "'"),
    "single quotes around keys": lambda line: re.sub(r'"(\w+)":', r"'\1':", line),
    "no quotes around keys": lambda line: re.sub(r'"(\w+)":', r"\1:", line),
    "no quotes": lambda line: line.replace('"', ""),
    "curly quotes": lambda line: re.sub('"([^"]*)"', "“\\1”", line),
    "guillemets": lambda line: re.sub('"([^"]*)"', "«\\1»", line),
    "wide quotes": lambda line: line.replace('"', "\uff02"),
    "backticks": lambda line: line.replace('"', "`"),
    "escaped quotes": lambda line: line.replace('"', '\\"'),
    "doubled quotes": lambda line: line.replace('"', '""'),
    "of HTML": html.escape,
    "of a URL": quote,
    "of Python": lambda line: repr(json.loads(line)),
    "equals signs": lambda line: line.replace(":", " ="),
    "of YAML": lambda line: line.replace("{", "").replace("}", "").replace('"', ""),
    "trailing comma": lambda line: line[:-1] + ",}",
    "missing comma": lambda line: line.replace(", ", " ", 3),
    "a comment": lambda line: line[:-1] + "/* a */}",
    "NaN": lambda line: line[:-1] + ', "n": NaN}',
    "Infinity": lambda line: line[:-1] + ', "n": -Infinity}',
    "hexadecimal": lambda line: line[:-1] + ', "n": 0x1}',
    "a number too large": lambda line: line[:-1] + ', "n": 1e400000}',
    "a number too fine": lambda line: line[:-1] + ', "n": 1e-20000}',
    "too deep": lambda line: line[:-1] + ', "n": ' + "[" * 60_000 + "]" * 60_000 + "}",
    "too deep for PostgreSQL": lambda line: line[:-1] + ', "n": ' + "[" * 30_000 + "]" * 30_000 + "}",
    "too fine, key twice": lambda line: (
        line.replace(f'"{NAME}"', f'"{NAME}", "name": null')[:-1] + ', "n": 1e-20000}'
    ),
    "too fine, parents twice": lambda line: (
        line[:-1] + ', "payload": {}, "actor_attributes": {}, "n": 1e-20000}'
    ),
    "lone surrogate": lambda line: line.replace("Vexmarsh", "Vexmarsh\\ud800"),
    "lone surrogate elsewhere": lambda line: line[:-1] + ', "s": "\\udc00"}',
    "a control character": lambda line: line.replace("Vexmarsh", "Vexmarsh\x01"),
    "a tab": lambda line: line.replace("Qzvx V", "Qzvx\tV"),
    "a newline": lambda line: line.replace("Qzvx V", "Qzvx\nV"),
    "an invalid escape": lambda line: line.replace("Qzvx", "\\Qzvx"),
    "a raw null": lambda line: line.replace("Qzvx", "\0Qzvx"),
    "a null character and cut": lambda line: line.replace('"name"', '"name\\u0000"')[:-1],
    "a byte order mark": lambda line: "\ufeff" + line,
    "UTF-16": lambda line: line.encode("utf-16-le"),
    "UTF-16, the other way": lambda line: line.encode("utf-16-be"),
    "UTF-16 with its mark": lambda line: line.encode("utf-16"),
    "UTF-32": lambda line: line.encode("utf-32-be"),
    "UTF-7": lambda line: line.encode("utf-7"),
    "Latin-1": lambda line: line.replace("Qzvx", "Qzvxé").encode("latin-1"),
    "not UTF-8": lambda line: line.encode() + b"\xff\xfe",
    "overlong UTF-8": lambda line: line.encode().replace(b"Qzvx", b"\xc0\xaeQzvx"),
    "in a list": lambda line: f"[{line}]",
    "in a string": json.dumps,
    "in a string in a string": lambda line: json.dumps(json.dumps(line)),
    "behind a number": lambda line: f"7 {line}",
    "before a word": lambda line: f"{line} end",
    "twice with a comma": lambda line: f"{line},{line}",
    "with a list": lambda line: f"{line}[{line}]",
    "before half of it": lambda line: line + line[: line.index("vexmarsh@") + 3],
    "a callback": lambda line: f"callback({line});",
    "a server-sent event": lambda line: f"data: {line}",
    "a log line": lambda line: f"2026-01-01 ERROR could not take {line}",
    "CSV": lambda line: '1,"' + line.replace('"', '""') + '"',
    "backwards": lambda line: line[::-1],
}


def spoilt(name: str, carrier: str) -> bytes:
    """A line spoilt in a way."""
    found = SPOILT[name](LINES[carrier])
    return found.encode("utf-8", "surrogatepass") if isinstance(found, str) else found


def all_lines() -> dict[str, bytes]:
    """Every form of every carrier, by name."""
    lines = {f"valid: {name}": line.encode() for name, line in VALID.items()}
    for name in SPOILT:
        for carrier in LINES:
            lines[f"{carrier}: {name}"] = spoilt(name, carrier)
    return lines
