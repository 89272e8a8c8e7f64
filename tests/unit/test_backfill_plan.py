"""How a backfill is cut, and what it tells of its pace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from headgate.backfill.pace import Pace, in_words
from headgate.backfill.pipelines import get_pipeline
from headgate.backfill.plan import BUILD, LAND, Chunk, Options, Range, Survey
from headgate.errors import UsageError

ASKED = Range.parse("2016-03-01T00", "2016-03-02T06")
INGEST = get_pipeline("ingest_gharchive")


def survey(landed: int = 0, *, again: bool = False, unbuilt: int = 0) -> Survey:
    """A survey of ASKED, of whose hours the first ones are landed, and the first of these not built."""
    hours = ASKED.hours
    return Survey(
        range=ASKED,
        done=frozenset() if again else frozenset(hours[:landed]),
        landed=frozenset(hours[:landed]),
        unbuilt=frozenset(hours[:unbuilt]),
        replaces=(),
    )


def cut(found: Survey, *, build: bool = True, again: bool = False) -> list[tuple[int, str, str]]:
    """Batch, step and range of each chunk."""
    options = Options(chunk_hours=12, batch_hours=24, build=build, again=again)
    return [(chunk.batch, chunk.step, str(chunk.range)) for chunk in INGEST.cut(found, options)]


def test_a_range_holds_its_first_and_its_last_hour() -> None:
    """Both ends that are asked for are part of it; times with an offset are taken to UTC."""
    asked = Range.parse("2016-03-01T01:00+01:00", "2016-03-01T02")

    assert [f"{hour:%Y-%m-%dT%H}" for hour in asked.hours] == [
        "2016-03-01T00",
        "2016-03-01T01",
        "2016-03-01T02",
    ]
    assert str(asked) == "2016-03-01T00 to 2016-03-01T02"


@pytest.mark.parametrize("last", ["2016-02-29T23", "2016-03-01T00:30", "soon"])
def test_a_range_that_is_none_is_wrong_usage(last: str) -> None:
    """The end before the start, half an hour, no time at all."""
    with pytest.raises(UsageError):
        Range.parse("2016-03-01T00", last)


def test_pieces_hold_every_hour_once() -> None:
    """Whatever the length of the pieces, together they are the range; the last one may be shorter."""
    for hours in (1, 5, 31, 40):
        pieces = ASKED.cut(hours)
        assert [hour for piece in pieces for hour in piece.hours] == ASKED.hours
        assert all(len(piece.hours) == hours for piece in pieces[:-1])


def test_every_batch_lands_then_builds() -> None:
    """Two batches, the second one shorter, each with its chunks and then its build."""
    assert cut(survey()) == [
        (0, LAND, "2016-03-01T00 to 2016-03-01T11"),
        (0, LAND, "2016-03-01T12 to 2016-03-01T23"),
        (0, BUILD, "2016-03-01T00 to 2016-03-01T23"),
        (1, LAND, "2016-03-02T00 to 2016-03-02T06"),
        (1, BUILD, "2016-03-02T00 to 2016-03-02T06"),
    ]


def test_what_is_done_is_not_cut() -> None:
    """A chunk with one hour left is there, one without is not, nor is the build of a batch without chunks."""
    assert cut(survey(landed=23)) == [
        (0, LAND, "2016-03-01T12 to 2016-03-01T23"),
        (0, BUILD, "2016-03-01T00 to 2016-03-01T23"),
        (1, LAND, "2016-03-02T00 to 2016-03-02T06"),
        (1, BUILD, "2016-03-02T00 to 2016-03-02T06"),
    ]
    assert cut(survey(landed=24)) == [
        (1, LAND, "2016-03-02T00 to 2016-03-02T06"),
        (1, BUILD, "2016-03-02T00 to 2016-03-02T06"),
    ]


def test_landed_hours_that_wait_get_one_build() -> None:
    """All landed, some not built: one build takes them all; with --no-build nothing is left."""
    assert cut(survey(landed=31, unbuilt=31)) == [(0, BUILD, "2016-03-01T00 to 2016-03-02T06")]
    assert cut(survey(landed=31, unbuilt=31), build=False) == []
    assert cut(survey(landed=31)) == []


def test_again_takes_everything_anew() -> None:
    """Landed hours are cut as if they were not."""
    assert cut(survey(landed=31, again=True), again=True) == cut(survey())


def test_builds_again_take_landed_days_only() -> None:
    """`build_features` has chunks where something landed, one after the other."""
    landed = frozenset(ASKED.hours[24:26])
    found = Survey(
        range=ASKED,
        done=frozenset(ASKED.hours) - landed,
        landed=landed,
        unbuilt=frozenset(),
        replaces=(),
    )
    pipeline = get_pipeline("build_features")

    chunks = pipeline.cut(found, pipeline.default_options(build=True, again=False))

    assert [(chunk.step, str(chunk.range)) for chunk in chunks] == [(BUILD, "2016-03-02T00 to 2016-03-02T06")]
    with pytest.raises(UsageError):
        pipeline.default_options(build=False, again=False)


def test_an_unknown_pipeline_is_wrong_usage() -> None:
    """The error names those that can be backfilled."""
    with pytest.raises(UsageError, match=r"ingest_gharchive, build_features.*"):
        get_pipeline("no_such")


def chunk(step: str, start: int, hours: int) -> Chunk:
    """A chunk of so many hours."""
    begin = datetime(2016, 3, 1, tzinfo=UTC) + timedelta(hours=start)
    return Chunk(position=start, batch=0, step=step, range=Range(begin, begin + timedelta(hours=hours)))


def test_time_left_is_what_each_step_has_shown() -> None:
    """Ten hours landed in 5 s and twenty built in 40 s: ten and ten more take 5 and 20 s."""
    pace = Pace([chunk(LAND, 0, 20), chunk(BUILD, 0, 30)], [chunk(LAND, 20, 4)])
    assert pace.seconds_left(0) is None
    pace.begin(LAND, 100)
    pace.advance(LAND, 10, 105)
    assert pace.seconds_left(105) is None, "a build has shown nothing yet"
    pace.begin(BUILD, 200)
    pace.advance(BUILD, 20, 240)

    assert pace.seconds_left(240) == 5 + 20
    assert (pace.hours, pace.done) == ({LAND: 24, BUILD: 30}, {LAND: 14, BUILD: 20})


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "time left not known yet"),
        (0, "nothing left"),
        (0.2, "about 1 s left"),
        (89, "about 89 s left"),
        (300, "about 5 min left"),
        (3 * 3600, "about 3.0 h left"),
    ],
)
def test_time_left_in_words(seconds: float | None, words: str) -> None:
    """Short, and in the unit that fits."""
    assert in_words(seconds) == words
