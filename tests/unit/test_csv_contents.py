"""CSV as people write it: codes with zeros in front, headers with spaces, other delimiters."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest

from headgate.errors import HeadgateError
from headgate.scaffold.sample import read_sample
from headgate.sources.loaders import Files
from tests.reading import read_file

CODES = [
    "02134",
    "007",
    "+4912345",
    "00",
    "-01",
    "1e",
    "0x1F",
    "1,5",
    "1_000",
    "٣",
    "1٣",
    "0.٣",
    "1e٣",
    "1 000",
    "1.2.3",
]
NUMBERS = {"0": "0", "10": "10", "-7": "-7", "1.10": "1.10", ".5": "0.5", "5.": "5", "1e3": "1e3", " 8 ": "8"}


@pytest.mark.parametrize("kind", ["integer", "number"])
@pytest.mark.parametrize("code", CODES)
def test_what_a_number_would_lose_stays_text(tmp_path: Path, kind: str, code: str) -> None:
    """Zeros and plus signs in front may be part of a code: the contract quarantines the text."""
    file = csv_of(tmp_path, f'id,v\n1,"{code}"\n')
    assert read_file(file, types={"id": "integer", "v": kind}).records == [{"id": 1, "v": code}]


@pytest.mark.parametrize("text", NUMBERS)
def test_numbers_keep_their_digits(tmp_path: Path, text: str) -> None:
    """As JSON writes them, in as many digits as they came."""
    found = read_file(csv_of(tmp_path, f"id,v\n1,{text}\n"), types={"id": "integer", "v": "number"})
    assert json.loads(found.texts[0], parse_int=str, parse_float=str)["v"] == NUMBERS[text]


@pytest.mark.parametrize(
    ("text", "landed"),
    [
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("2026-01-02 03:04:05+02:00", "2026-01-02 03:04:05+02:00"),
        ("2026-01-02T03:04:05.123456789Z", "2026-01-02T03:04:05.123456789Z"),
        ("2026-01-02T03:04:05.123456789", "2026-01-02T03:04:05.123456789Z"),
        ("2026-01-02 03:04:05", "2026-01-02 03:04:05Z"),
        ("2026-01-02", "2026-01-02T00:00:00Z"),
        ("2026-01-02 03:04:05.5 UTC", "2026-01-02T03:04:05.500000Z"),
        ("2026-01-02 03:04:05.1234567 UTC", "2026-01-02 03:04:05.1234567 UTC"),
        ("2026-02-30", "2026-02-30"),
        ("soon", "soon"),
    ],
)
def test_times_keep_their_digits_and_their_zone(tmp_path: Path, text: str, landed: str) -> None:
    """A zone is added where there is none; nothing is taken away."""
    assert read_file(csv_of(tmp_path, f"id,created_at\n1,{text}\n")).records == [
        {"id": 1, "created_at": landed}
    ]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_are_found(tmp_path: Path, delimiter: str) -> None:
    """By what cuts all rows alike; landing and the sample take the same one, and the loader says it."""
    rows = [[1, "Paris, 0,5"], [2, "a; b | c"], [3, "x\n;y\tz"]]
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter).writerows([["id", "v"], *rows])
    file = csv_of(tmp_path, out.getvalue())
    found = read_file(file).records
    assert [[record["id"], record["v"]] for record in found] == rows
    sample = read_sample(file)
    assert sample.records == found
    assert sample.loader.get("delimiter", ",") == delimiter


def test_a_delimiter_that_is_declared_is_not_looked_for(tmp_path: Path) -> None:
    """Also where another one would fit."""
    file = csv_of(tmp_path, "id;v\n1;a,b\n")
    assert read_file(file, Files(delimiter=";")).records == [{"id": 1, "v": "a,b"}]
    with pytest.raises(HeadgateError, match="does not know, between commas"):
        read_file(file, Files(delimiter=","))


def test_headers_are_keys_as_they_stand(tmp_path: Path) -> None:
    """With their spaces and signs, without the blanks around them."""
    file = csv_of(tmp_path, "id, Order Date ,Unit Price (USD)\n1,2026-03-01, x\n")
    expected = {"id": 1, "Order Date": "2026-03-01", "Unit Price (USD)": " x"}
    assert read_file(file).records == [expected]
    assert read_sample(file).records == [expected]


@pytest.mark.parametrize(
    ("header", "said"),
    [("id,v,v", "a name twice"), ("id,v, v ", "a name twice"), ("id,,v", "a column without a name")],
)
def test_headers_that_name_no_column_or_one_twice_are_refused(tmp_path: Path, header: str, said: str) -> None:
    """By landing and by the sample."""
    file = csv_of(tmp_path, f"{header}\n1,2,3\n")
    for read in (read_file, read_sample):
        with pytest.raises(HeadgateError, match=said):
            read(file)


def test_a_header_that_the_contract_does_not_know_is_refused(tmp_path: Path) -> None:
    """Not one of its columns is declared: it is another file."""
    with pytest.raises(HeadgateError, match="2 columns that it does not know, between commas"):
        read_file(csv_of(tmp_path, "kunde,betrag\n1,2\n"))


def test_fields_may_be_long(tmp_path: Path) -> None:
    """Longer than Python's csv takes by itself, in the sample too."""
    shape = f"POLYGON(({'1 2,' * 60_000}1 2))"
    file = csv_of(tmp_path, f'id,v\n1,"{shape}"\n')
    assert read_file(file).records == [{"id": 1, "v": shape}]
    assert read_sample(file).records == [{"id": 1, "v": shape}]


def test_columns_of_a_sample_have_the_type_of_all_their_fields(tmp_path: Path) -> None:
    """A column with one code in it is text; empty fields say nothing."""
    text = 'n,code,flag,at,list,mixed\n1,10000,true,2026-01-01,[1],1\n2,02134,,2026-01-02,"[1,2]",x\n'
    first, second = read_sample(csv_of(tmp_path, text)).records
    assert first == {
        "n": 1,
        "code": "10000",
        "flag": True,
        "at": "2026-01-01",
        "list": [1],
        "mixed": "1",
    }
    assert (second["code"], second["flag"], second["list"]) == ("02134", None, [1, 2])


def csv_of(folder: Path, text: str) -> Path:
    """A CSV file."""
    file = folder / "a.csv"
    file.write_text(text, newline="")
    return file


@pytest.mark.parametrize("sep", ["sep=;\n", "sep=;\r\n", '"sep=;"\n', "SEP=;\n", "\ufeffsep=;\n"])
def test_a_line_that_tells_the_delimiter_is_no_header(tmp_path: Path, sep: str) -> None:
    """As spreadsheets write it; also where rows alone would look like another delimiter."""
    file = csv_of(tmp_path, f"{sep}id;v\n1;a,b\n2;c,d\n")
    for read in (read_file, read_sample):
        assert [record["v"] for record in read(file).records] == ["a,b", "c,d"]


@pytest.mark.parametrize(
    "text", ["id,v,\n1,a,\n2,b,\n", "id,v,,,\n1,a,,,\n2,b,,,\n", "id,v\n1,a,\n2,b,\n", "id,v,\n1,a\n2,b\n"]
)
def test_a_delimiter_behind_each_row_is_no_column(tmp_path: Path, text: str) -> None:
    """Columns without a name at the end are dropped while they are empty."""
    found = read_file(csv_of(tmp_path, text))
    assert (found.records, found.rejects) == ([{"id": 1, "v": "a"}, {"id": 2, "v": "b"}], 0)


def test_a_value_without_a_name_is_refused(tmp_path: Path) -> None:
    """It would be lost: the message names column and line."""
    with pytest.raises(HeadgateError, match="a value in column 3, which has no name, in line 3"):
        read_file(csv_of(tmp_path, "id,v,\n1,a,\n2,b,x\n"))
    found = read_file(csv_of(tmp_path, "id,v\n1,a,x\n2,b\n"))
    assert (found.records, found.rejects) == ([{"id": 2, "v": "b"}], 1)
    with pytest.raises(HeadgateError, match="a column without a name"):
        read_file(csv_of(tmp_path, "id,,v\n1,,a\n"))


@pytest.mark.parametrize("start", ["# exported today\n", "#\n", "# a, b, c\n", "sep=,\n# exported\n"])
def test_a_comment_before_the_header_is_named(tmp_path: Path, start: str) -> None:
    """CSV has no comments: which line it is, and what to do."""
    with pytest.raises(HeadgateError, match=r"a comment in line [12]\. Next: remove the lines"):
        read_file(csv_of(tmp_path, f"{start}id,v\n1,a\n"))


def test_a_header_may_begin_with_a_hash(tmp_path: Path) -> None:
    """Where its columns are those of the contract, or nobody knows better."""
    file = csv_of(tmp_path, "#chrom,id\n1,2\n")
    assert read_file(file).records == [{"#chrom": "1", "id": 2}]
    assert read_sample(file).records == [{"#chrom": 1, "id": 2}]
