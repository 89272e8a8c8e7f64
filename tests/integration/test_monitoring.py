"""A day of a served model, as dbt builds it from the landed log: what is an alarm, and what is none."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from headgate.model import promotions
from headgate.pipelines import models
from headgate.postgres.connection import Connection
from tests import prediction_log
from tests.integration.test_models import in_database
from tests.monitored_days import BUILD, DAY, DAYS, answer, monitored
from tests.support import Database, Databases

pytestmark = pytest.mark.costly
#: The registry is append-only; a replica's session is past the trigger that says so.
FORGOTTEN = "set session_replication_role = replica; delete from ops.model_references where model = 'quiet'"
ALARMS = "select alarm, subject, sentence from monitoring.model_alarms where model = %s order by 1, 2"


@pytest.fixture(scope="module")
def built(databases: Databases) -> Iterator[Database]:
    """Models whose day went wrong in one way each, built with their gates."""
    with databases.new(databases.template("monitored", monitored)) as made:
        yield made


@pytest.fixture
def own(databases: Databases) -> Iterator[Database]:
    """The same, for a test that changes it."""
    with databases.new(databases.template("monitored", monitored)) as made:
        yield made


def report(database: Database, model: str, exit_code: int = 0) -> dict[str, Any]:
    """What `headgate model monitor` says of the day."""
    said = database.headgate(
        "model", "monitor", model, "--day", str(DAY), "--json", exit_code=exit_code
    ).stdout
    found: dict[str, Any] = json.loads(said)
    return found


def alarms(database: Database, model: str) -> dict[tuple[str, str], str]:
    """The alarms of a model: sentences by kind and subject."""
    return {(alarm, subject): sentence for alarm, subject, sentence in database.query(ALARMS, model)}


def test_a_quiet_day_has_its_figures_and_no_alarm(built: Database) -> None:
    """Volume, skew zero, quality by slice, an estimate that says what it cannot see, cost."""
    found = report(built, "quiet")
    assert found["alarms"] == []
    figures = found["figures"]
    assert (figures["answers_count"], figures["failed_count"]) == (600, 0)
    assert (figures["p95_seconds"], figures["p95_staleness_seconds"]) == (0.002, 60)
    skew = {"view": "toy_activity", "release_id": 1, "compared": 600}
    assert found["skew"] == [{**skew, "differing": 0, "unknown": 0, "behind": 0}]
    slices = [(row["slice"], row["slice_value"]) for row in found["quality"]]
    assert slices[:4] == [("all", ""), ("colour", "blue"), ("colour", "red"), ("size", "below 25")]
    assert (found["quality"][0]["labels_count"], found["quality"][0]["loss"]) == (600, pytest.approx(0.01))
    assert found["estimate"]["expected_brier"] == pytest.approx(0.09)
    assert "blind to concept drift" in found["estimate"]["note"]
    assert found["cost"]["cost_per_thousand"] == pytest.approx(0.002)
    assert "skew" in built.headgate("model", "monitor", "quiet", "--day", str(DAY)).stdout
    assert "No answers" in built.headgate("model", "monitor", "quiet").stdout


def test_quality_of_classes_is_that_of_the_likeliest(built: Database) -> None:
    """Its chance against whether it was it; classes that lie near their labels are no alarm."""
    [every, *_] = report(built, "classes")["quality"]
    # (300 * 0.1² + 240 * 0.6² + 60 * 0.4²) / 600
    assert (every["slice"], every["labels_count"], every["loss"]) == ("all", 600, pytest.approx(0.165))


def test_errors_delay_age_volume_and_a_poor_score_are_alarms(built: Database) -> None:
    """Each with its figure, the number of answers and the limit."""
    found = alarms(built, "slow")
    assert found["errors", ""] == "share of failed answers: 0.1 of 600 answers, at most 0.01"
    assert found["latency", ""] == "p95 of latency in seconds: 0.5 of 600 answers, at most 0.1"
    assert found["staleness", ""] == "p95 of the features' age in seconds: 90000 of 600 answers, at most 3600"
    assert found["volume", ""] == "volume: 600 answers, at least 700"
    assert found["loss", ""] == "loss: at least 0.807 (540 labels), at most 0.3"
    assert ("loss", "colour is red") in found
    assert not any(alarm in ("drift", "behind", "differing", "unknown") for alarm, _ in found)


def test_injected_drift_is_found(built: Database) -> None:
    """Of a number, of a category that training never saw, of the score; the command ends with 3."""
    assert set(alarms(built, "drifted")) == {("drift", "size"), ("drift", "colour"), ("drift", "score")}
    failed = report(built, "drifted", exit_code=3)
    assert {row["input"] for row in failed["drift"] if row["is_alarm"]} == {"size", "colour", "score"}


def test_a_stale_online_table_and_wrong_values_are_caught(built: Database) -> None:
    """Served from an older row, with other values, and at an instant that the release has no row of."""
    behind = "1 of 600 answers served from an older row than the release's newest: a stale online table"
    assert alarms(built, "stale") == {("behind", "toy_activity"): f"skew of view toy_activity: {behind}"}
    said = "\n".join(alarms(built, "wrong").values())
    assert "1 of 600 answers served with other values than the store's history" in said
    assert "1 of 600 answers served at an instant that the release has no row of" in said


def test_gates_warn_of_alarms_and_are_recorded_like_others(built: Database) -> None:
    """Each kind of alarm has its gate; a quiet one passes; `headgate gates show` has the rows."""
    said = dict(built.query("select gate, status from ops.gate_results where model = 'model_alarms'"))
    assert len(said) == 8
    assert set(said.values()) == {"warn"}
    shown = built.headgate("gates", "show", "served_rows_are_the_newest_of_the_release").stdout
    assert "stale" in shown
    assert "a stale online table" in shown


def test_an_alarm_is_told_once_when_it_begins_and_once_when_it_ends(own: Database) -> None:
    """By `headgate check`, which goes on to name it; `headgate status` does, too."""
    first = own.headgate("check", exit_code=1)
    assert first.stderr.count("drift of size") == 2
    again = own.headgate("check", exit_code=1)
    assert "drift of size: PSI" in again.stdout
    assert "model_alarm" not in again.stderr
    assert "drifted version 1: drift of size" in own.headgate("status").stdout

    async def rolled_back(connection: Connection) -> None:
        await promotions.append(
            connection, "drifted", "stop", 1, champion=None, challenger=None, canary_share=0, reason="test"
        )

    in_database(own, rolled_back)
    ended = own.headgate("check", exit_code=1)
    assert ended.stderr.count("model_alarm_ended") == 3
    assert "drift of size" not in ended.stdout


def test_drift_and_loss_start_training_once(own: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of yesterday; not what training does not mend, and not where a version was trained since."""
    monkeypatch.setattr(models, "load_settings", lambda: own.settings)
    for table in ("model_traffic", "input_histograms", "skew", "quality_sums"):
        own.query(f"update monitoring.{table} set day = (now() at time zone 'UTC')::date - 1")
    asked = {name: models.monitor_model(name)["train"] for name in DAYS}
    assert not any(asked.values())
    own.query("alter table ops.model_versions disable trigger user")
    own.query("update ops.model_versions set trained_at = now() - interval '9 days'")
    asked = {name: models.monitor_model(name)["train"] for name in DAYS}
    assert [name for name, is_due in asked.items() if is_due] == ["slow", "drifted"]


def test_labels_that_come_later_and_a_second_load_of_a_day_count(own: Database) -> None:
    """Quality decays as labels arrive; of a key that is asked again the first answer of the day stays."""
    today = own.value("select (now() at time zone 'UTC')::date")
    asked = f"{today}T00:00:01+00:00"
    draw = random.Random(5)
    given = [
        {**answer(place, draw, "slow"), "prediction_id": f"today-{place}", "at": asked, "score": 0.1}
        for place in range(300)
    ]
    prediction_log.land(own, given)
    own.dbt(*BUILD)
    labels = (
        "select keys_count, labels_count, loss_low > 0.3 from monitoring.quality"
        " where model = 'slow' and day = %s and slice = 'all'"
    )
    assert own.query(labels, today) == [(300, 0, None)]
    own.query(
        "insert into training.pull_requests_opened select n, %s::timestamptz, true"
        " from generate_series(1, 300) as n",
        asked,
    )
    prediction_log.land(
        own,
        [
            {**one, "prediction_id": f"again-{one['key']}", "at": f"{today}T00:00:09+00:00", "score": 0.9}
            for one in given
        ],
    )
    own.dbt(*BUILD)
    assert own.query(labels, today) == [(300, 300, True)]


def test_a_quiet_day_raises_an_alarm_no_more_often_than_declared(own: Database) -> None:
    """Of 200 days of 20 inputs none; by chance alone, whatever the size, at most the declared 1 % do."""
    own.query("truncate monitoring.input_histograms")
    own.query(FORGOTTEN)
    own.query(
        "insert into ops.model_references (model, version, feature, edges, labels, counts, missing)"
        " select 'quiet', 1, 'input_' || n, '{1,2,3,4,5,6,7,8,9}', '{}', array_fill(2000, array[10]), 0"
        " from generate_series(1, 20) as n"
    )
    # In one session: a seed is forgotten with it.
    own.query(
        """
        select setseed(0.2);
        insert into monitoring.input_histograms (partition_start, day, model, version, input, bin, keys_count)
        select now(), date '2026-01-01' + day, 'quiet', 1, 'input_' || input, bin, count(*)
        from generate_series(1, 200) as day, generate_series(1, 20) as input,
            lateral (
                select floor(random() * 10 + 0 * (day + input))::integer as bin
                from generate_series(1, 600)
            ) as drawn
        group by day, input, bin
        """
    )
    judged = "select count(distinct day) filter (where {}) from monitoring.input_drift where model = 'quiet'"
    assert own.value(judged.format("true")) == 200
    assert own.value(judged.format("is_alarm")) == 0
    # Expected 2 of 200; 8 or more have a chance below 0.1 %.
    assert own.value(judged.format("q_value <= 0.01")) < 8
    # And the chances are those of chance: a twentieth lies below 0.05.
    low, all_ = own.query(
        "select count(*) filter (where p_value <= 0.05), count(*) from monitoring.input_drift"
        " where model = 'quiet'"
    )[0]
    assert 0.035 < low / all_ < 0.065


def test_chances_are_those_of_scipy(own: Database) -> None:
    """Of chi-square, for many degrees of freedom, from the middle to far out; and corrected ones."""
    from scipy.stats import chi2, false_discovery_control

    own.query("truncate monitoring.input_histograms")
    own.query(FORGOTTEN)
    for bins in (2, 3, 4, 5, 10, 11, 40):
        counts = [1000] * bins
        own.query(
            "insert into ops.model_references values ('quiet', 1, %s, %s, '{}', %s, 0)",
            f"of_{bins}",
            list(map(float, range(1, bins))),
            counts,
        )
        own.query(
            "insert into monitoring.input_histograms"
            " (partition_start, day, model, version, input, bin, keys_count)"
            " select now(), date '2026-01-01' + shift, 'quiet', 1, %s, bin, 1000 + (bin %% 2) * 40 * shift"
            " from generate_series(0, %s) as bin, unnest(array[1, 4, 8]) as shift",
            f"of_{bins}",
            bins - 1,
        )
    days = own.query(
        "select array_agg(p_value order by input), array_agg(q_value order by input)"
        " from monitoring.input_drift where model = 'quiet' group by day"
    )
    for chances, corrected in days:
        assert corrected == pytest.approx(list(false_discovery_control(chances)))
    rows = own.query(
        "select degrees, psi * training_count * keys_count / (training_count + keys_count), p_value"
        " from monitoring.input_drift where model = 'quiet'"
    )
    assert len(rows) == 21
    for degrees, value, found in rows:
        assert found == pytest.approx(chi2.sf(float(value), degrees), rel=1e-6, abs=1e-300)
