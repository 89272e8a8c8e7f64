"""Contract and cast agree: what passes a type of the contract becomes what it says, the rest has a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import psycopg2
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from headgate.contract.declared import TYPES
from headgate.landing.lossless_json import Number
from headgate.landing.times import EPOCH_UNITS, parse_epoch, parse_time
from headgate.scaffold.typed import SQL_TYPES
from headgate.scaffold.unpacking import cast_to
from tests.examples import examples
from tests.macros import render
from tests.support import Database

_NUMBERS = """
0 -0 1 1.0 1.00 -7.000 1e3 1E+3 1.5e1 1.5e0 10e-1 1e-1 0.1 1e400 -1e400 1e-400 1e18 1e19 9223372036854775807
9223372036854775807.0 9223372036854775808 -9223372036854775808 -9223372036854775809 9223372036854775807.5
1767225600 1767225600.123456 1767225600.1234567 1767225600123 1767225600123456 1767225600123456789
-2208988800 -2208988801 4102444799.9999999 4102444800 -2208988800000 4102444799999 4102444800000000000
"""
NUMBERS = _NUMBERS.split()
TEXTS = [
    "",
    " ",
    "12",
    "-12.5",
    "1e3",
    "١٢",
    "true",
    "now",
    "today",
    "epoch",
    "infinity",
    "-infinity",
    "NaN",
    "allballs",
    "0044-03-15 BC",
    "2016-02-30",
    "2016-02-29",
    "1900-02-29T00:00:00Z",
    "2016-01-02\n",
    "\uff12\uff10\uff11\uff16-01-02",
    "2016-01/02",
    "2016/01-02 00:00:00Z",
    "01/02/2016",
    "20160102",
    "2016-06-30T23:59:60Z",
    "2016-06-30T24:00:00Z",
    "2016-01-01T00:00:00.9999999Z",
    "1900-01-01T00:00:00+15:59",
    "2099-12-31T23:59:59.999999999-15:59",
    "1767225600",
    "-1767225600.5",
    "4102444799.9999999",
    "9" * 400,
    "x" * 10_000,
    "\x7f\x01\u2028\ufeff",
]
NUMERIC = st.one_of(
    st.sampled_from(NUMBERS),
    st.integers(-(2**70), 2**70).map(str),
    st.builds(
        "{}{}.{}".format, st.sampled_from(["", "-"]), st.integers(0, 2**65), st.sampled_from(["0", "00", "5"])
    ),
    st.builds("{}e{}".format, st.integers(-999, 999), st.integers(-30, 30)),
    st.builds(
        "{}{}".format,
        st.integers(-2_300_000_000, 4_200_000_000),
        st.sampled_from(["", ".5", "000", "000000", "000000000"]),
    ),
)
TIMES = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(
            ["0001", "1582", "1899", "1900", "1999", "2000", "2016", "2099", "2100", "9999", "10000"]
        ),
        st.sampled_from(["-", "-", "-", "/"]),
        st.sampled_from(["00", "01", "02", "04", "12", "13"]),
        st.sampled_from(["-", "-", "-", "/"]),
        st.sampled_from(["00", "01", "28", "29", "30", "31", "32"]),
        st.sampled_from(["", "T", " ", "t", "  "]),
        st.sampled_from(["", "00:00", "23:59", "24:00", "12:60", "03:04"]),
        st.sampled_from(
            ["", ":00", ":59", ":60", ":05.1", ":05.123456", ":05.1234565", ":05.9999999", ":05.1234567890"]
        ),
        st.sampled_from(
            [
                "",
                "Z",
                "z",
                " Z",
                " UTC",
                "GMT",
                "+00",
                "+0100",
                "-01:00",
                " +05:30",
                "+15:59",
                "-1559",
                "+16:00",
                " BC",
                "+1",
            ]
        ),
    ),
)
TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=40)
STRINGS = st.one_of(st.sampled_from(TEXTS), TIMES, NUMERIC, TEXT).map(json.dumps)
#: JSON values as text, as they land.
SCALARS = st.one_of(NUMERIC, STRINGS, st.sampled_from(["true", "false", "null"]))
VALUES = st.one_of(
    SCALARS,
    st.lists(SCALARS, max_size=3).map(lambda items: f"[{', '.join(items)}]"),
    SCALARS.map('{{"v": {}}}'.format),
)

STATEMENT = render(
    """
    {% for type in types %}
    {% set field = contract_violation({'path': 'v', 'type': type}) %}
    {% set element = contract_violation({'path': 'v[]', 'type': type}) %}
    (
        with given as materialized (
            select
                number,
                jsonb_build_object('v', value) as record,
                jsonb_build_object('v', jsonb_build_array(value)) as many
            from trial
        ), judged as materialized (
            select
                number, record,
                not record @? '$ ? ({{ field.guard }} && ({{ field.filter }}))' as is_kept,
                not many @? '$ ? ({{ element.guard }} && ({{ element.filter }}))' as is_kept_in_array,
                {{ contract_found("(record -> 'v')", "'" ~ type ~ "'") }} as found
            from given
        )
        select '{{ type }}', number, is_kept, is_kept_in_array, found, to_jsonb({{ casts[type] }})::text
        from judged
        cross join lateral {{ json_fields('case when is_kept then record end') }}
            as root (v {{ sql_types[type] }})
        order by number
    )
    {{ 'union all' if not loop.last }}
    {% endfor %}
    """,
    "contract",
    "jsonb",
    types=TYPES,
    sql_types={type_: SQL_TYPES.get(type_, "jsonb") for type_ in TYPES},
    casts={type_: render(cast_to("root.v", type_), "contract", "jsonb").strip() for type_ in TYPES},
)


@pytest.fixture(scope="module")
def cursor(module_database: Database) -> Iterator[Any]:
    """One session with a table for the values."""
    connection = psycopg2.connect(module_database.dsn, options="-c timezone=UTC")
    connection.autocommit = True
    with connection.cursor() as made:
        made.execute("create temporary table trial (number integer, value jsonb)")
        yield made
    connection.close()


@given(values=st.lists(VALUES, min_size=150, max_size=300))
@example(values=[*NUMBERS, *map(json.dumps, TEXTS), "true", "null", "[1.0]", "[[1]]", '{"v": 1.5}'])
# Smaller lists say no more: each value is named on its own.
@settings(
    deadline=None,
    max_examples=examples(15),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_whatever_passes_the_contract_is_cast_to_what_it_says(cursor: Any, values: list[str]) -> None:
    """Each type, alone and as an element: passed means cast to the same value, refused means a reason."""
    wrong = [
        f"{type_}: {value[:80]} is {typed!r}, found {found}, kept {is_kept}, in an array {in_array}"
        for type_, value, is_kept, in_array, found, typed in judged(cursor, values)
        if not (is_kept == in_array == (found is None) and fits(type_, value, is_kept, typed))
    ]
    assert not wrong, "\n".join(wrong[:20])


def fits(type_: str, text: str, is_kept: bool, typed: Any) -> bool:
    """Whether what became of a JSON value of a declared type is right."""
    value = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    if value is None:
        return is_kept and typed is None
    if not is_kept:
        return not is_sound(type_, value)
    return is_same(type_, value, typed)


def judged(cursor: Any, values: list[str]) -> Iterator[tuple[str, str, bool, bool, str | None, Any]]:
    """(type, JSON text, kept, kept as an element, what was found, typed value) of each value and type."""
    cursor.execute("truncate trial")
    cursor.execute(
        "insert into trial select n, value::jsonb from unnest(%s) with ordinality as given (value, n)",
        (values,),
    )
    # Not execute with parameters: the statement holds percent signs.
    cursor.execute(STATEMENT)
    for type_, number, is_kept, in_array, found, typed in cursor.fetchall():
        shown = None if typed is None else json.loads(typed, parse_float=Decimal, parse_int=Decimal)
        yield type_, values[number - 1], is_kept, in_array, found, shown


def is_same(type_: str, value: Any, typed: Any) -> bool:
    """Whether the typed value, as to_jsonb shows it, is the JSON value."""
    if type_ == "timestamp":
        return datetime.fromisoformat(typed) == parse_time(value)
    if type_ == "date":
        return bool(typed == date.fromisoformat(value.replace("/", "-")).isoformat())
    if type_ in EPOCH_UNITS:
        given = value if isinstance(value, str) else Number(value)
        return datetime.fromisoformat(typed) == parse_epoch(given, EPOCH_UNITS[type_])
    return type_ == "any" or bool(type(typed) is type(value) and typed == value)


def is_sound(type_: str, value: Any) -> bool:
    """Whether a refused value should have passed, by a reading of its own."""
    match type_:
        case "integer":
            return (
                isinstance(value, Decimal)
                and value == value.to_integral_value()
                and -(2**63) <= value < 2**63
            )
        case "number":
            return isinstance(value, Decimal)
        case "boolean":
            return isinstance(value, bool)
        case "string":
            return isinstance(value, str)
        case "object" | "array":
            return isinstance(value, {"object": dict, "array": list}[type_])
        case _:
            return type_ == "any"


@pytest.mark.parametrize(
    ("type_", "value", "words"),
    [
        ("integer", "1.5", "number with a fraction"),
        ("integer", "9223372036854775808", "number beyond 64 bits"),
        ("integer", '"12"', "string that holds a number"),
        ("number", '"-1.5"', "string that holds a number"),
        ("number", '"much"', "string"),
        ("boolean", '"true"', "string that holds a boolean"),
        ("string", "[]", "array"),
        ("timestamp", '"9999-12-31T23:59:59Z"', "timestamp outside 1900 to 2099"),
        ("timestamp", '"10000-01-01T00:00:00Z"', "timestamp outside 1900 to 2099"),
        ("timestamp", '"2016-02-30T00:00:00Z"', "string that is no day or time of the calendar"),
        ("timestamp", '"2016-06-30T23:59:60Z"', "string that is no day or time of the calendar"),
        ("timestamp", '"tomorrow"', "string that is no timestamp"),
        ("timestamp", "1767225600", "number"),
        ("date", '"1899-12-31"', "date outside 1900 to 2099"),
        ("date", '"2016-01-01T00:00:00Z"', "timestamp"),
        ("epoch_s", "1767225600000", "number outside 1900 to 2099"),
        ("epoch_ms", '"1767225600000000"', "string that holds a number outside 1900 to 2099"),
        ("epoch_s", '"2016-01-01"', "string"),
        ("object", "[{}]", "array"),
    ],
)
def test_a_reason_says_what_was_found(cursor: Any, type_: str, value: str, words: str) -> None:
    """Never the value: what kind of thing it is, and which bound it breaks."""
    assert [found for name, _, _, _, found, _ in judged(cursor, [value]) if name == type_] == [words]


def test_a_model_is_not_compiled(cursor: Any) -> None:
    """Compiling its many expressions takes longer than they do on a partition, whatever the server says."""
    cursor.execute("begin; set local jit = on")
    cursor.execute(render("{{ hash_joins_only() }}", "partitions"))
    cursor.execute("show jit")
    assert cursor.fetchone() == ("off",)
    cursor.execute("rollback")


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata"])
def test_a_time_is_read_alike_by_landing_and_typing(cursor: Any, zone: str) -> None:
    """Without a zone it is UTC, in landing and behind the hook that every staging model has."""
    texts = [
        "2016-01-01 03:04:05",
        "2016-01-01",
        "2016-01-01T03:04:05+0100",
        "2016-01-01 03:04:05.5+00",
        "2016/01/01 03:04",
    ]
    cursor.execute(f"begin; set local timezone = '{zone}'")
    cursor.execute(render("{{ hash_joins_only() }}", "partitions") if zone != "UTC" else "select 1")
    cursor.execute(
        "select array_agg(text::timestamptz order by n) from unnest(%s) with ordinality as given (text, n)",
        (texts,),
    )
    (found,) = cursor.fetchone()
    cursor.execute("rollback")

    assert found == [parse_time(text) for text in texts]
    assert found[0] == datetime(2016, 1, 1, 3, 4, 5, tzinfo=UTC)
